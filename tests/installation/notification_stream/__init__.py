"""The stream of notifications."""
