"""Cats: what developers write down about them, and their way into the catalog."""
