"""Holding a player's config to the release's JSON Schema."""

from typing import Any

from pydantic_core import to_json

from installation_service.installations.errors import ConfigInvalidError

MOST_ERRORS = 20
LARGEST_CONFIG = 16 * 1024
"""Bytes of JSON."""


def check_config(config: dict[str, Any], schema: dict[str, Any] | None) -> None:
    """Make sure that ``config`` fits; without a schema only the empty config does.

    Raises:
        ConfigInvalidError: with the place of each fault.
    """
    if schema is None:
        if config:
            fault = {"location": "body.config", "message": "this cat takes no config", "type": "config_invalid"}
            raise ConfigInvalidError([fault])
        return
    if len(to_json(config)) > LARGEST_CONFIG:
        message = f"the config is larger than {LARGEST_CONFIG // 1024} KiB"
        raise ConfigInvalidError([{"location": "body.config", "message": message, "type": "config_invalid"}])
    # 2.7 MB (docs/performance.md) for the few cats that take a config.
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    # An empty registry: a $ref to somewhere else is never fetched.
    nowhere: Registry[Any] = Registry()
    validator = Draft202012Validator(schema, registry=nowhere)
    faults = [
        {
            "location": ".".join(("body", "config", *(str(part) for part in error.absolute_path))),
            "message": f"does not fit the schema's {error.validator!r}",
            "type": "config_invalid",
        }
        for error, _ in zip(validator.iter_errors(config), range(MOST_ERRORS), strict=False)
    ]
    if faults:
        raise ConfigInvalidError(faults)
