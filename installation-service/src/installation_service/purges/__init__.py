"""Purges: emptying what was uninstalled."""
