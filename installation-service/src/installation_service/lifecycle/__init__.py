"""Lifecycle events: what cats are told of their installations, at least once and in order."""
