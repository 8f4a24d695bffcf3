"""Azure Storage: the queues of keys."""
