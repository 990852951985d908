"""The only door to the outside: interactions with cats, external calls, deliveries."""
