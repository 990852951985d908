"""Releases that are not published yet."""
