"""Stats: how a cat is doing, for its owner."""
