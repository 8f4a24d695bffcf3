"""The core: what an environment is, and how it is observed, decided about and reported."""
