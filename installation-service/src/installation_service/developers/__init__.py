"""What developers see of the installations of their cats."""
