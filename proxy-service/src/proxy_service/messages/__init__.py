"""Messages: how everything that is said to a cat is made, signed and sent, whoever says it."""
