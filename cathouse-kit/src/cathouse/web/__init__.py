"""Building blocks of an HTTP service."""

from cathouse.web.application import build_app
from cathouse.web.clients import ServiceClient, ServiceUnavailableError
from cathouse.web.outside_urls import OutsideUrlRules
from cathouse.web.pagination import DEFAULT_LIMIT, Cursor, CursorMismatchError, Keyset, Limit
from cathouse.web.problems import Problem, problem
from cathouse.web.provided import provided
from cathouse.web.schemas import JsonValue, Moment, Page, RequestModel, SafeText, refuse_what_jsonb_refuses
from cathouse.web.server import serve
from cathouse.web.settings import PORTS, SERVICES, ServiceName, ServiceSettings

__all__ = [
    "DEFAULT_LIMIT",
    "PORTS",
    "SERVICES",
    "Cursor",
    "CursorMismatchError",
    "JsonValue",
    "Keyset",
    "Limit",
    "Moment",
    "OutsideUrlRules",
    "Page",
    "Problem",
    "RequestModel",
    "SafeText",
    "ServiceClient",
    "ServiceName",
    "ServiceSettings",
    "ServiceUnavailableError",
    "build_app",
    "problem",
    "provided",
    "refuse_what_jsonb_refuses",
    "serve",
]
