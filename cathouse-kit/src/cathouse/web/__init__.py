"""Building blocks of an HTTP service."""

from cathouse.schema.ownership import SERVICES, ServiceName
from cathouse.web.application import build_app
from cathouse.web.client_address import client_address
from cathouse.web.contract.idempotency import Once
from cathouse.web.contract.outside_urls import OutsideUrlRules
from cathouse.web.contract.pagination import DEFAULT_LIMIT, Cursor, CursorMismatchError, Keyset, Limit
from cathouse.web.contract.problems import Problem, problem
from cathouse.web.contract.revalidation import revalidated
from cathouse.web.contract.schemas import (
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
    rfc3339,
    view_of,
)
from cathouse.web.contract.tags import folded_tag, folded_tags
from cathouse.web.direct import direct
from cathouse.web.ending import Ending
from cathouse.web.limits.by_address import limited_by_address
from cathouse.web.limits.memory import BoundedMemoryStorage
from cathouse.web.limits.rates import Allowance, Limiter, RateLimitedError, Rates, parse_rates
from cathouse.web.limits.shedding import wait_for_others
from cathouse.web.listener import EXHAUSTED
from cathouse.web.observing.metrics import Reading, work_readings
from cathouse.web.observing.tracing import Call, calling
from cathouse.web.provided import provided
from cathouse.web.server import serve
from cathouse.web.service_client import ServiceClient, ServiceUnavailableError
from cathouse.web.settings import PORTS, PortSettings, RatesText, ServiceSettings, split_by_commas

__all__ = [
    "DEFAULT_LIMIT",
    "EXHAUSTED",
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
    "PortSettings",
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
    "folded_tag",
    "folded_tags",
    "limited_by_address",
    "parse_rates",
    "problem",
    "provided",
    "refuse_other_than_text",
    "refuse_what_jsonb_refuses",
    "revalidated",
    "rfc3339",
    "serve",
    "split_by_commas",
    "view_of",
    "wait_for_others",
    "work_readings",
]
