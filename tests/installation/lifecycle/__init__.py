"""What cats are told of installations."""
