"""Releases: what one version of a cat asks for."""
