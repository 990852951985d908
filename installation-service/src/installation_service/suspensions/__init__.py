"""Suspensions: a developer's and an operator's, two things, each lifted by the same hand only."""
