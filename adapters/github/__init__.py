"""GitHub: the repository's branches and its archives."""
