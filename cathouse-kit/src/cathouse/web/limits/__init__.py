"""How much may be asked of a service: how often, how much at once, how large."""
