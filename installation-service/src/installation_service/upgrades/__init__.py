"""Upgrades: consenting to a release that asks for more."""
