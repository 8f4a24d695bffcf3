"""Diagnostics for an explanation of one branch: identity chains and the state of single objects."""
