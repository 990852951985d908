"""Exports: everything that is held about a person, from all slices."""
