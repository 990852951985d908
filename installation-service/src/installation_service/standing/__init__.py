"""What a calling cat may do right now."""
