"""Pings: a developer tries out whether a cat can be reached, and sees where it fails."""
