"""Looking at a running database: its tables, its load, its logins, and what a statement would do."""
