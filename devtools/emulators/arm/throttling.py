"""ARM's limits on how many writes it accepts in a second."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Throttle:
    """The times of accepted writes, by scope: one identity, or the whole subscription."""

    _accepted: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def accept(self, now: float, rates: Mapping[str, float | None]) -> float:
        """Accept a write, unless one of its scopes has reached its rate.

        Args:
            now: the time of the write, in seconds.
            rates: writes in a second, by scope; None does not throttle.

        Returns:
            The seconds until a write would be accepted; 0 if this one was.
        """
        limits = {scope: rate for scope, rate in rates.items() if rate is not None}
        due = max((_due(self._accepted[scope], rate) for scope, rate in limits.items()), default=0.0)
        if now < due:
            return due - now
        for scope in limits:
            self._accepted[scope].append(now)
        return 0.0


def _due(writes: list[float], rate: float) -> float:
    """Return the time at which the next write is accepted.

    A rate of two allows any two writes in the same second.
    """
    most = max(1, int(rate))
    return writes[-most] + most / rate if len(writes) >= most else 0.0
