"""How far the workloads of an environment have come, and what keeps them from being up."""

from dataclasses import dataclass

from coppice.environment.references import ObjectRef


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A Deployment or StatefulSet, and how far it has come."""

    ref: ObjectRef
    generation: int
    observed_generation: int
    desired: int
    updated: int
    available: int

    @property
    def ready(self) -> bool:
        """Whether its present template runs everywhere, and every replica is available."""
        return (
            self.observed_generation >= self.generation
            and self.updated >= self.desired
            and self.available >= self.desired
        )

    @property
    def progress(self) -> str:
        """How far it has come."""
        if self.observed_generation < self.generation:
            return f"{self.ref}: its controller has not looked at its latest generation yet"
        if self.available >= self.desired:  # and some of these are of an older template
            return f"{self.ref} {self.updated}/{self.desired} updated"
        return f"{self.ref} {self.available}/{self.desired}"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What keeps a workload from coming up.

    Args:
        what: the object that it is said of, such as `Pod/web-1`.
        reason: one word of Kubernetes' own.
        message: the last thing that was said about it.
    """

    what: str
    reason: str
    message: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.what, self.reason, self.message)))


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """Whether the workloads of a namespace are up."""

    workloads: tuple[Workload, ...]
    troubles: tuple[Trouble, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether all are."""
        return all(workload.ready for workload in self.workloads)

    @property
    def why(self) -> str:
        """What is not up, and what keeps it, as the objects themselves and their events say."""
        late = [each.progress for each in self.workloads if not each.ready]
        return "; ".join([", ".join(late), *dict.fromkeys(str(trouble) for trouble in self.troubles)])
