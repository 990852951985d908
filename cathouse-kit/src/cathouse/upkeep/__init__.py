"""Looking after the database: migrations, roles, copies, rehearsals, backups, and looking into it.

For operators' commands and for development; the services themselves need ``cathouse.database`` alone.
"""
