"""Installations, grants, storage, notifications and tasks: what you have in Cat House."""
