"""Tasks: what a player wants done."""
