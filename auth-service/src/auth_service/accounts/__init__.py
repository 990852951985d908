"""Accounts: registration, profiles, and the passwords behind them."""
