"""Holding an endpoint's URL to the rules of what may be outside."""

from catalog_service.cats.errors import EndpointNotAllowedError
from cathouse.web import OutsideUrlRules


def check_endpoint(rules: OutsideUrlRules, url: str) -> None:
    """Refuse a URL that proxy-service would never call.

    Raises:
        EndpointNotAllowedError: saying which rule.
    """
    try:
        rules.check(url)
    except ValueError as error:
        raise EndpointNotAllowedError(str(error)) from None
