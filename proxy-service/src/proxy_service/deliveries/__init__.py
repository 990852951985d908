"""Deliveries: what Cat House itself says to a cat, and how every message to one is made."""
