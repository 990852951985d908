"""Log-in attempts: how often somebody may guess, for addresses that have an account and for those that have none."""
