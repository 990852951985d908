"""Erasures: a person is forgotten by every owner, whatever happens in between."""
