"""A stand-in for GitHub: its REST API over a real bare repository, and the webhooks that a push sends."""
