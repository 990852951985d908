"""How a person wants to be treated."""
