"""New installations: how a cat comes to a player's home."""
