"""What runs a house on a developer's machine."""
