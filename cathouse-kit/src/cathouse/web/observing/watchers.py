"""The paths that machines ask which watch us."""

ALWAYS_ANSWERED = frozenset(
    {"/health", "/health/db", "/health/ready", "/api/v1/health", "/metrics", "/.well-known/jwks.json"}
)
"""Who watches us must be able to tell overload from death, and without keys no other service could check a token."""
