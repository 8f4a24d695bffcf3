"""A stand-in for GitHub: its REST API over real bare repositories, and the webhooks that a push sends."""
