"""The guards of the structure."""
