"""Cats like a cat: by what they mean where that is known, else by their words and tags."""
