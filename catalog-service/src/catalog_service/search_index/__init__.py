"""What search reads of cats, kept up to date."""
