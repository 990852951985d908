"""Egress: the only code that connects to a host which a user named."""
