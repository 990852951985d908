"""Notifications: messages from cats, and the inbox that they arrive in."""
