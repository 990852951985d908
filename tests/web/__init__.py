"""The building blocks of an HTTP service."""
