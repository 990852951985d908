"""installation-service."""
