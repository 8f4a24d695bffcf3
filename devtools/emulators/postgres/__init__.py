"""A throw-away PostgreSQL server, for tests and for the demo: the real one, from Debian's package."""
