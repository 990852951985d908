"""The secrets that cats check our signatures with."""
