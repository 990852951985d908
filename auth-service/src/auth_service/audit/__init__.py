"""Looking into the audit."""
