"""The tests of Cat House: on a real Postgres, with real tokens, over real HTTP."""
