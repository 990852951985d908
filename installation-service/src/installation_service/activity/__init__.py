"""Activity: what happened, as proxy-service reports it."""
