"""API keys: what a developer's tools log in with."""
