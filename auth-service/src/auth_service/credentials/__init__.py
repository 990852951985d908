"""What people change about what they log in with."""
