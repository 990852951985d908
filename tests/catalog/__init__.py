"""catalog-service."""
