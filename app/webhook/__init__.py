"""Converts the bytes of a GitHub webhook delivery to the key of a branch, without I/O."""
