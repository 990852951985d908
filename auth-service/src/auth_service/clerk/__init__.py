"""Signing in through Clerk: its session token becomes a session of ours."""
