"""The components of an environment: what is known of each, its changes, and who owns it."""
