"""Neon's API, by Neon's own document."""
