"""External calls: what a cat asks of hosts that its release declares, with credentials that it never sees."""
