"""Mails: what they say, and that they arrive."""
