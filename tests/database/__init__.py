"""The way to Postgres."""
