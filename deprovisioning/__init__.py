"""A branch's environment goes away, all of it, and nothing else does."""
