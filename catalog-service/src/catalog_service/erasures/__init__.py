"""Erasures: forgetting a person in this slice, cats, search and reports."""
