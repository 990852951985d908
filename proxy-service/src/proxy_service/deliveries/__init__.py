"""Deliveries: what our own services have Cat House say to a cat."""
