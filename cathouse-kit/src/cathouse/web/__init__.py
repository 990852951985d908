"""Building blocks of an HTTP service."""

from cathouse.web.address_limits import limited_by_address
from cathouse.web.application import build_app
from cathouse.web.client_address import client_address
from cathouse.web.clients import ServiceClient, ServiceUnavailableError
from cathouse.web.direct import direct
from cathouse.web.ending import Ending
from cathouse.web.idempotency import Once
from cathouse.web.limits import Allowance, BoundedMemoryStorage, Limiter, RateLimitedError, Rates, parse_rates
from cathouse.web.metrics import Reading, work_readings
from cathouse.web.outside_urls import OutsideUrlRules
from cathouse.web.pagination import DEFAULT_LIMIT, Cursor, CursorMismatchError, Keyset, Limit
from cathouse.web.problems import Problem, problem
from cathouse.web.provided import provided
from cathouse.web.revalidation import revalidated
from cathouse.web.schemas import (
    ChangeModel,
    Flag,
    GivenMoment,
    JsonValue,
    Moment,
    Page,
    RequestModel,
    SafeText,
    Whole,
    refuse_other_than_text,
    refuse_what_jsonb_refuses,
)
from cathouse.web.server import serve
from cathouse.web.settings import PORTS, SERVICES, RatesText, ServiceName, ServiceSettings, split_by_commas
from cathouse.web.shedding import wait_for_others
from cathouse.web.tracing import Call, calling

__all__ = [
    "DEFAULT_LIMIT",
    "PORTS",
    "SERVICES",
    "Allowance",
    "BoundedMemoryStorage",
    "Call",
    "ChangeModel",
    "Cursor",
    "CursorMismatchError",
    "Ending",
    "Flag",
    "GivenMoment",
    "JsonValue",
    "Keyset",
    "Limit",
    "Limiter",
    "Moment",
    "Once",
    "OutsideUrlRules",
    "Page",
    "Problem",
    "RateLimitedError",
    "Rates",
    "RatesText",
    "Reading",
    "RequestModel",
    "SafeText",
    "ServiceClient",
    "ServiceName",
    "ServiceSettings",
    "ServiceUnavailableError",
    "Whole",
    "build_app",
    "calling",
    "client_address",
    "direct",
    "limited_by_address",
    "parse_rates",
    "problem",
    "provided",
    "refuse_other_than_text",
    "refuse_what_jsonb_refuses",
    "revalidated",
    "serve",
    "split_by_commas",
    "wait_for_others",
    "work_readings",
]
