"""Interactions: a player talks to a cat."""
