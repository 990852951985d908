"""Erasures: forgetting a person in this slice, installations and what belongs to them."""
