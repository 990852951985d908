"""What a service's process does without. Imported before everything else of a service (``import cathouse.lean``).

These packages are for the command line, for development or for tests. Libraries that a service needs load them only
because they find them installed: structlog and httpx load rich, and with it pygments, for tracebacks in colour and a
command of their own; httpcore loads trio. A service uses none of that, and each megabyte counts four times
(docs/performance.md). A name that stands for None in ``sys.modules`` cannot be imported, as if it were not installed.
"""

import sys

LEFT_OUT = ("pydantic.v1", "pygments", "rich", "trio")

for _name in LEFT_OUT:
    sys.modules[_name] = None  # type: ignore[assignment]  # documented for this purpose; typeshed leaves it out
