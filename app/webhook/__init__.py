"""From the bytes of a GitHub webhook to the key of a branch, without any I/O."""
