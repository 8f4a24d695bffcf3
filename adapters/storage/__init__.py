"""Azure Storage: the queue that keys travel on."""
