"""Activity: what happened in an installation: interactions, which proxy-service reports, and uses of permissions."""
