"""``/docs`` without the internet, and the page that every error's ``type`` leads to."""

import html
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html, get_swagger_ui_oauth2_redirect_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from cathouse.errors import ServiceError
from cathouse.web.contract.problems import ERRORS_PAGE, FRAMEWORK_ERRORS

_ASSETS = Path(fastapi_offline.__file__).parent / "static"
_ASSETS_PATH = "/docs/assets"
_REDIRECT_PATH = "/docs/oauth2-redirect"

# Swagger UI carries inline scripts and styles, and logs in at auth-service.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self' {auth}; frame-ancestors 'none'"
)


def all_codes() -> dict[str, tuple[str, str]]:
    """Every error code of the services that are loaded in this process, with its statuses and a title.

    Several may share a code: the framework's errors give its title, then the class nearest to the root, then the first
    by module.
    """
    statuses: dict[str, set[int]] = {code: {status} for status, (code, _) in FRAMEWORK_ERRORS.items()}
    titles = dict(FRAMEWORK_ERRORS.values())
    for error in sorted(
        _subclasses(ServiceError), key=lambda each: (len(each.__mro__), each.__module__, each.__name__)
    ):
        statuses.setdefault(error.code, set()).add(error.status)
        titles.setdefault(error.code, error.title)
    return {code: (", ".join(map(str, sorted(statuses[code]))), titles[code]) for code in sorted(titles)}


def install_docs(app: FastAPI, *, token_url: str) -> None:
    """Serve Swagger UI from files of our own, and the list of error codes; ``token_url`` is where the page logs in."""
    address = urlsplit(token_url)
    # The origin alone: a policy takes a path for that very path, and auth-service may be at one.
    headers = {"Content-Security-Policy": _POLICY.format(auth=f"{address.scheme}://{address.netloc}")}

    async def swagger(_request: Request) -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url=app.openapi_url or "/openapi.json",
            title=app.title,
            oauth2_redirect_url=_REDIRECT_PATH,
            swagger_js_url=f"{_ASSETS_PATH}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS_PATH}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS_PATH}/favicon.png",
        )
        page.headers.update(headers)
        return page

    async def redirect(_request: Request) -> HTMLResponse:
        page = get_swagger_ui_oauth2_redirect_html()
        page.headers.update(headers)
        return page

    async def errors(_request: Request) -> HTMLResponse:
        rows = "".join(
            f'<tr id="{code}"><td><code>{code}</code></td><td>{status}</td><td>{html.escape(title)}</td></tr>'
            for code, (status, title) in all_codes().items()
        )
        page = f"<!doctype html><title>Error codes</title><table><tr><th>code<th>status<th>meaning</tr>{rows}</table>"
        return HTMLResponse(page)

    app.add_route("/docs", swagger, include_in_schema=False)
    app.add_route(_REDIRECT_PATH, redirect, include_in_schema=False)
    app.add_route(ERRORS_PAGE, errors, include_in_schema=False)
    app.mount(_ASSETS_PATH, StaticFiles(directory=_ASSETS), name="docs-assets")


def _subclasses(parent: type[ServiceError]) -> Iterator[type[ServiceError]]:
    yield parent
    for child in parent.__subclasses__():
        yield from _subclasses(child)
