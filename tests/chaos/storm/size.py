"""How big a storm is."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many branches arrive, how many are deleted, and what fails meanwhile; times are seconds.

    Attributes:
        branches: how many branches arrive at once, each with a webhook.
        doomed: how many of them are deleted while they are being created.
        workers: how many processes take messages.
        kills: how often a worker is killed and another one started.
        between_kills: the shortest and the longest time between two kills.
        identities: how many identities the pool has.
        lease_seconds: how long a lease lasts.
        lock_seconds: until the message of a killed worker is visible again, or half of it if it was about to
            be renewed; as on Azure, the lease has expired by then.
        time_limit: for how long the whole may take.
        seed: what decides at random who is doomed, and who is killed when.
    """

    branches: int
    doomed: int
    workers: int
    kills: int
    between_kills: tuple[float, float]
    identities: int
    lease_seconds: int
    lock_seconds: int
    time_limit: float
    seed: int = 7


FULL = Size(
    branches=200,
    doomed=100,
    workers=4,
    kills=50,
    between_kills=(0.5, 2.5),
    identities=12,
    lease_seconds=9,
    lock_seconds=24,
    time_limit=300,
)
SMALL = Size(
    branches=12,
    doomed=6,
    workers=2,
    kills=4,
    between_kills=(0.5, 1.5),
    identities=2,
    lease_seconds=3,
    lock_seconds=8,
    time_limit=90,
)
