"""A branch's part in the cluster's monitoring configuration, as an overlay of the older kind holds it.

Azure Managed Prometheus reads its configuration for all namespaces only from two ConfigMaps in kube-system
(https://learn.microsoft.com/azure/azure-monitor/containers/prometheus-metrics-scrape-configuration). One
invalid job disables all jobs. So each branch has a part of their texts under its own mark, and everything
else in them stays unchanged.
"""

from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from coppice.components.monitoring.marks import Owner
from coppice.environment.key import Key
from coppice.environment.observed_parts import ObservedPart
from coppice.environment.references import SharedName
from coppice.reconciler.plan import Change

NAMESPACE = "kube-system"
JOBS_KEY = "prometheus-config"


# Azure creates neither ConfigMap, and whatever creates one must not change one that exists.
HOW_TO_MAKE = "an administrator of the cluster runs `deploy/cluster/install`, which makes what is missing"


@dataclass(frozen=True, kw_only=True)
class SharedConfig:
    """One of the two ConfigMaps, as it was read or as it is to be written.

    Args:
        name: its name.
        version: the resource version that was read.
        data: its entries.
        document: the whole object that was read, so that all of it is written back.
    """

    name: SharedName
    version: str
    data: Mapping[str, str]
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        return f"ConfigMap/{NAMESPACE}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Both ConfigMaps; `None` for one that does not exist or was not read."""

    jobs: SharedConfig | None = None
    settings: SharedConfig | None = None

    def of(self, name: SharedName) -> SharedConfig | None:
        """Return one of the ConfigMaps by its name."""
        return self.jobs if name is SharedName.JOBS else self.settings


@dataclass(frozen=True, kw_only=True)
class Part:
    """The part of one branch, after admission.

    Args:
        owner: the branch and its namespace.
        slug: its slug.
        jobs: its scrape jobs, each named `<slug>-<job>`.
        annotated: whether its pods are to be scraped by their annotations.
        ignored: what the overlay holds besides and is not accepted from a branch.
    """

    owner: Owner
    slug: str
    jobs: tuple[Mapping[str, Any], ...] = ()
    annotated: bool = False
    ignored: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[SharedName, ...]:
        """Return the ConfigMaps that the part is for."""
        return (*([SharedName.JOBS] if self.jobs else ()), *([SharedName.SETTINGS] if self.annotated else ()))


@dataclass(frozen=True, kw_only=True)
class ReplaceShared(Change):
    """Bring a branch's part in one of the ConfigMaps to its desired state.

    Args:
        config: the edited ConfigMap, provided that nobody else has written to it since it was read.
        part: the branch's part.
    """

    verb: ClassVar[str] = "replace"
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.MONITORING})
    config: SharedConfig
    part: Part

    @property
    def target(self) -> str:
        """Return the ConfigMap's name."""
        return str(self.config)


@dataclass(frozen=True, kw_only=True)
class SharedPart:
    """A branch's part that is to be removed.

    Args:
        owner: the branch that owns it.
        slug: the branch's slug.
        replacements: the ConfigMaps that hold it, without it.
    """

    owner: Key
    slug: str
    replacements: tuple[SharedConfig, ...]

    def __str__(self) -> str:
        return f"monitoring/{self.slug}"


class SharedReader(Protocol):
    """Reads the two ConfigMaps."""

    def read(self, names: Collection[SharedName] = tuple(SharedName)) -> Shared:
        """Read ConfigMaps, with one call for each.

        Args:
            names: the ConfigMaps to read.
        """


class SharedWriter(Protocol):
    """Edits the two ConfigMaps. It cannot create or delete them."""

    def edit(self, name: SharedName, change: Callable[[SharedConfig], SharedConfig]) -> None:
        """Read a ConfigMap, and write the edited one immediately, because many branches write to it.

        Args:
            name: the ConfigMap.
            change: returns the edited ConfigMap. It must be pure, because it is called again whenever
                somebody else has written in the meantime.

        Raises:
            Conflict: somebody else has written in the meantime at every attempt.
            Gone: the ConfigMap does not exist.
        """
