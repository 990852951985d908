"""Retention: what has had its time is removed."""
