"""What ``make openapi`` writes from the code: docs/openapi/*.json, docs/errors.md, most of docs/database-schema.md."""

import json
from pathlib import Path

from cathouse.database import DatabaseUrl
from cathouse.web import PORTS, SERVICES, ServiceName
from cathouse.web.contract.docs import all_codes
from tests.fixtures.house import create_service, settings_for
from tests.schema_document import schema_document

DOCS = Path(__file__).parents[1] / "docs"

_NOWHERE = DatabaseUrl.parse("postgresql://nobody:nothing@127.0.0.1:1/none")


def openapi(service: ServiceName) -> str:
    """The service's OpenAPI document, as it is in development on its usual port."""
    app = create_service(
        service,
        settings_for(
            service, _NOWHERE, {str(name): port for name, port in PORTS.items()}, database_url=_NOWHERE.for_libpq()
        ),
    )
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def errors() -> str:
    """Every error code with its status and its meaning."""
    rows = "".join(
        f'| <a id="{code}"></a>`{code}` | {status} | {title} |\n' for code, (status, title) in all_codes().items()
    )
    return (
        "# Error codes\n\nEvery error is `application/problem+json` (RFC 9457) with a stable `code`; `detail` says"
        " what happened and what to do.\nEach service shows its own codes at `/docs/errors`, where `type` leads to."
        " This page is made by `make openapi`.\n\n| code | status | meaning |\n| --- | --- | --- |\n" + rows
    )


def main() -> None:
    """Write them all."""
    for service in SERVICES:
        (DOCS / "openapi" / f"{service}.json").write_text(openapi(service), encoding="utf-8")
    (DOCS / "errors.md").write_text(errors(), encoding="utf-8")
    page = DOCS / "database-schema.md"
    page.write_text(schema_document(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
