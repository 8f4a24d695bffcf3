"""The components of an environment: for each its observed state, its changes and its ownership rules."""
