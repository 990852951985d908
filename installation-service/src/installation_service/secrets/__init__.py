"""Secrets: a player's credentials for external hosts, wrapped at rest."""
