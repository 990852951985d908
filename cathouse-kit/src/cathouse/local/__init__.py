"""Development on one machine: an embedded Postgres, the four services as processes, the seed, the demo cat.

Nothing outside ``local`` and ``cli`` imports this; its libraries are the extra ``local``.
"""
