"""Tokens: a cat asks for a callback token by itself, to do something between two messages."""
