"""Grants: what a player lets a cat do, and what a calling cat may do right now."""
