"""Moderation: stopping a cat, and letting it go on."""
