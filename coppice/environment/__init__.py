"""The identity of a branch's environment: its key, its names, its configuration and its records."""
