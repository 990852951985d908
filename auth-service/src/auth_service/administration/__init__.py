"""What admins may do with accounts."""
