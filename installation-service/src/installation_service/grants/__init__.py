"""Grants: what a player lets a cat do."""
