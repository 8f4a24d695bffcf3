"""The only place where ports meet adapters, and where the environment and the clock are read."""

from composition.program import BRANCHES_QUEUE, POWER_QUEUE, Composition, composed, now

__all__ = ["BRANCHES_QUEUE", "POWER_QUEUE", "Composition", "composed", "now"]
