"""What a ping brings to light."""

from pydantic import BaseModel, ConfigDict, Field

Milliseconds = float | None


class Timings(BaseModel):
    """How long each phase took, in milliseconds; null for what was not reached, or not needed."""

    dns_ms: Milliseconds
    connect_ms: Milliseconds
    tls_ms: Milliseconds
    first_byte_ms: Milliseconds
    total_ms: float = Field(description="The whole call, whatever came of it.")


class PingResult(BaseModel):
    """Whether the cat answered a signed ping with a 2xx; ``cause`` says in plain words why not."""

    model_config = ConfigDict(
        title="TestResult",
        json_schema_extra={
            "examples": [
                {
                    "ok": True,
                    "status_code": 200,
                    "timings": {
                        "dns_ms": 1.2,
                        "connect_ms": 8.4,
                        "tls_ms": 17.3,
                        "first_byte_ms": 31.0,
                        "total_ms": 58.1,
                    },
                    "cause": None,
                }
            ]
        },
    )

    ok: bool
    status_code: int | None
    timings: Timings
    cause: str | None
