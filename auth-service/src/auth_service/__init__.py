"""Accounts, sessions and keys: who you are in Cat House."""
