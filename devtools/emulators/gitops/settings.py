"""How the controllers behave: what is slow, what comes late, what fails."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The behaviour of Argo CD and Flux.

    Attributes:
        sync_seconds: the duration of a sync.
        lag_seconds: the time for which a new commit is not seen; meanwhile an older one counts as the newest.
        poll_seconds: the interval between two checks of Git, unless a refresh is requested.
        failing: the Applications and Kustomizations whose syncs fail, as globs of their names.
    """

    sync_seconds: float = 0.0
    lag_seconds: float = 0.0
    poll_seconds: float = 180.0
    failing: tuple[str, ...] = ()
