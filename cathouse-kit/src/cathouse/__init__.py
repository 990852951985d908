"""What the four Cat House services share.

``schema`` holds every table, ``database`` the way to Postgres, ``identity`` who is asking, ``web`` the
building blocks of an HTTP service. ``local``, ``upkeep``, ``neon`` and ``cli`` are for developers and operators,
``cat`` for those who write cats.
"""

__version__ = "0.1.0"
