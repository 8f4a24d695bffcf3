"""Emulators of the outside systems, for a laptop and for tests; none is ever deployed."""
