"""Tasks: what a player wants done, noted by the player or by a cat."""
