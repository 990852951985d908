"""Storage: JSON values that a cat keeps for one installation."""
