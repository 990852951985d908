"""Cats, releases and search: what there is in Cat House."""
