"""What a branch's overlay of the older kind brings for the whole cluster's monitoring, and how it gets there.

Azure Managed Prometheus reads its configuration from two ConfigMaps in kube-system and nowhere else, for all
namespaces (https://learn.microsoft.com/azure/azure-monitor/containers/prometheus-metrics-scrape-configuration).
One bad job in them disables all. So a branch has a part of their texts, under its own mark, and everything
else in them stays as it is.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from coppice.components.monitoring.marks import Owner
from coppice.environment.key import Key
from coppice.environment.references import SharedName
from coppice.reconciler.plan import Change

NAMESPACE = "kube-system"
JOBS_KEY = "prometheus-config"


# Neither exists of itself, and what makes one must not touch one that stands.
HOW_TO_MAKE = "an administrator of the cluster runs `deploy/cluster/install`, which makes what is missing"


@dataclass(frozen=True, kw_only=True)
class SharedConfig:
    """One of the two, as it was read or as it is to be.

    Args:
        name: which one.
        version: the resource version that was read.
        data: its texts.
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
    """Both of them; `None` for one that does not exist."""

    jobs: SharedConfig | None = None
    settings: SharedConfig | None = None

    def of(self, name: SharedName) -> SharedConfig | None:
        """One of them by its name."""
        return self.jobs if name is SharedName.JOBS else self.settings


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one branch brings, judged.

    Args:
        owner: the branch, and its namespace.
        slug: its slug.
        jobs: its scrape jobs, each named `<slug>-<job>`.
        annotated: whether its pods are to be scraped by their annotations.
        ignored: what it brings beside, and what is not taken from a branch.
    """

    owner: Owner
    slug: str
    jobs: tuple[Mapping[str, Any], ...] = ()
    annotated: bool = False
    ignored: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[SharedName, ...]:
        """The ConfigMaps that it is for."""
        return (*([SharedName.JOBS] if self.jobs else ()), *([SharedName.SETTINGS] if self.annotated else ()))


@dataclass(frozen=True, kw_only=True)
class ReplaceShared(Change):
    """Bring a branch's part in one of the two to what it should be.

    Args:
        config: what it would be, had nobody else written to it since it was read.
        part: what the branch brings.
    """

    verb: ClassVar[str] = "replace"
    config: SharedConfig
    part: Part

    @property
    def target(self) -> str:
        """The ConfigMap."""
        return str(self.config)


@dataclass(frozen=True, kw_only=True)
class SharedPart:
    """A branch's part that is to go.

    Args:
        owner: whose it is.
        slug: its slug.
        replacements: the ConfigMaps without it.
    """

    owner: Key
    slug: str
    replacements: tuple[SharedConfig, ...]

    def __str__(self) -> str:
        return f"monitoring/{self.slug}"


class SharedReader(Protocol):
    """Reads the two ConfigMaps."""

    def read(self, names: Collection[SharedName] = tuple(SharedName)) -> Shared:
        """Those that are asked for; a call for each."""


class SharedWriter(Protocol):
    """Edits the two ConfigMaps, and creates and deletes neither."""

    def edit(self, name: SharedName, change: Callable[[SharedConfig], SharedConfig]) -> None:
        """Read one of them, and write what becomes of it: at once, for many branches write to it.

        Args:
            name: which one.
            change: says what becomes of it; pure, for it is asked again whenever somebody else was faster.

        Raises:
            Conflict: somebody else was faster each time.
            Gone: it does not exist.
        """
