"""proxy-service."""
