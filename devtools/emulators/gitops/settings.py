"""How the controllers behave: what is slow, what comes late, what fails."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The behaviour of Argo CD and Flux.

    Attributes:
        sync_seconds: from the start of a sync until it is through.
        lag_seconds: for which a new commit is not seen yet: an older one is taken for the newest, and synced.
        poll_seconds: from one look at Git to the next, if nobody asks for one.
        failing: names of Applications and Kustomizations whose syncs fail, as globs.
    """

    sync_seconds: float = 0.0
    lag_seconds: float = 0.0
    poll_seconds: float = 180.0
    failing: tuple[str, ...] = ()
