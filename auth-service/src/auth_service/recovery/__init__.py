"""Proving an address, and getting back in: verification, password reset, change of address."""
