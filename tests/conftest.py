"""Property tests find the same examples on every run; `--hypothesis-profile=thorough` looks longer."""

from hypothesis import settings

settings.register_profile("default", deadline=None, derandomize=True, max_examples=100)
settings.register_profile("thorough", deadline=None, derandomize=True, max_examples=10_000)
settings.load_profile("default")
