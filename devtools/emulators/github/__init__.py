"""An emulator of GitHub: its REST API over real bare repositories, and the webhooks that a push sends."""
