"""Believable things to test with."""
