"""How big a storm is."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    """What arrives, what is taken away again, and what is broken meanwhile; times are seconds.

    Attributes:
        branches: that arrive at once, each with a webhook.
        doomed: how many of them are deleted while they are being created.
        workers: processes that take messages.
        kills: how often one of them is killed, and another one started.
        between_kills: the shortest and the longest time between two.
        identities: of the pool.
        lease_seconds: how long a lease lasts.
        lock_seconds: until a message comes back whose worker was killed, or half of it if it had to be
            renewed just then; as on Azure, the lease has run out by that time.
        within: for how long the whole may take.
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
    within: float
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
    within=300,
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
    within=90,
)
