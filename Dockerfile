# One image for each service: docker build --build-arg PACKAGE=catalog-service .
# (PACKAGE=cathouse-kit is the demo cat's, with the extra `local`.)
# auth-service's takes --build-arg DEBIAN_PACKAGES=postgresql-client as well: `cathouse db backup`, `restore` and `rehearse`
# run pg_dump and pg_restore. Left empty, nothing is asked of Debian.

ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
# For `strip`, below; where Debian's packages are out of reach the image becomes larger and is the same otherwise.
RUN apt-get -o Acquire::http::Timeout=10 update && apt-get install --yes --no-install-recommends binutils \
    || echo "binutils cannot be had: the image keeps its libraries' symbols" >&2
ARG PACKAGE
WORKDIR /build
RUN python -m venv /venv
COPY ${PACKAGE}/requirements.txt requirements.txt
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt
COPY cathouse-kit cathouse-kit
COPY ${PACKAGE} ${PACKAGE}
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps ./cathouse-kit \
    && if [ "${PACKAGE}" != cathouse-kit ]; then \
         /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps "./${PACKAGE}"; fi \
    && /venv/bin/pip uninstall --yes --quiet pip \
    && find /venv -type d -name tests -prune -exec rm -r {} +
# What only a debugger reads is a quarter of the libraries. Those in *.libs were rearranged for their wheel: strip breaks such.
RUN if command -v strip >/dev/null; then \
      find /venv -name '*.so' -type f -not -path '*.libs/*' -exec strip --strip-unneeded {} +; fi

FROM ${BASE}
ARG PACKAGE
ARG DEBIAN_PACKAGES=
RUN if [ -n "${DEBIAN_PACKAGES}" ]; then \
      apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ${DEBIAN_PACKAGES} \
      && apt-get clean && rm -rf /var/lib/apt/lists/*; fi
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0
COPY --from=build /venv /venv
# auth-service brings alembic.ini and the migrations; the others only their own folder's name.
COPY ${PACKAGE} /app/${PACKAGE}
WORKDIR /app/${PACKAGE}
# Where `cathouse db rehearse` keeps its record: the one folder that the user may write, and that compose puts a volume on.
RUN install -d -o 10001 -g 10001 .cathouse
USER 10001:10001
