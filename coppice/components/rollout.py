"""The rollout state of an environment's workloads, and what keeps them from becoming ready."""

from dataclasses import dataclass

from coppice.environment.references import ObjectRef

WORKLOADS = frozenset({"Deployment", "StatefulSet"})  # the kinds whose rollout is read


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A Deployment or StatefulSet, and the state of its rollout."""

    ref: ObjectRef
    generation: int
    observed_generation: int
    desired: int
    updated: int
    available: int

    @property
    def ready(self) -> bool:
        """Return whether all replicas are available and run the current template."""
        return (
            self.observed_generation >= self.generation
            and self.updated >= self.desired
            and self.available >= self.desired
        )

    @property
    def progress(self) -> str:
        """Return the progress of the rollout, for people."""
        if self.observed_generation < self.generation:
            return f"{self.ref}: its controller has not looked at its latest generation yet"
        if self.available >= self.desired:  # some of these replicas still run an older template
            return f"{self.ref} {self.updated}/{self.desired} updated"
        return f"{self.ref} {self.available}/{self.desired}"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A problem that keeps a workload from becoming ready.

    Args:
        what: the object that has the problem, such as `Pod/web-1`.
        reason: the reason as Kubernetes states it, in one word.
        message: the latest message about the problem.
    """

    what: str
    reason: str
    message: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.what, self.reason, self.message)))


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """The rollout state of all workloads of a namespace."""

    workloads: tuple[Workload, ...]
    troubles: tuple[Trouble, ...] = ()

    @property
    def ready(self) -> bool:
        """Return whether all workloads are ready."""
        return all(workload.ready for workload in self.workloads)

    @property
    def why(self) -> str:
        """Return which workloads are not ready, and why, as the objects and their events say."""
        late = [each.progress for each in self.workloads if not each.ready]
        return "; ".join([", ".join(late), *dict.fromkeys(str(trouble) for trouble in self.troubles)])
