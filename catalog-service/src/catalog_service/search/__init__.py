"""Search: finding a cat."""
