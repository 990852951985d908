"""Installations: a cat in a player's home."""
