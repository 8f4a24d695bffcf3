"""An environment's namespace: what is known of it, what says that it is ours, and what can be done to it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.reconciler.plan import Change
from coppice.reconciler.times import parse_time

MANAGED_BY = "app.kubernetes.io/managed-by"
PART_OF = "app.kubernetes.io/part-of"
REPOSITORY = "coppice.dev/repository"
BRANCH = "coppice.dev/branch"
REVISION = "coppice.dev/revision"
IDENTITY = "coppice.dev/identity"
URL = "coppice.dev/url"
RESULT = "coppice.dev/result"
SINCE = "coppice.dev/since"
APPLIED_AT = "coppice.dev/applied-at"
SETTINGS = "coppice.dev/settings"
ASKED = "coppice.dev/asked"
ASLEEP = "coppice.dev/asleep"
LABELS = "coppice.dev/labels"
POD_SECURITY = "pod-security.kubernetes.io/enforce"

ROLLING_OUT = "RollingOut"
READY = "Ready"
NOT_READY = "NotReady"


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What the namespace's annotations say of the overlay that was applied last.

    Args:
        revision: its commit.
        digest: of the settings that rendered it.
        asked: the latest request it answers.
        at: when it had been applied whole.
        result: `RollingOut`, `Ready`, or `NotReady` and why.
        since: since when the result has been so.
        url: where the environment is reached; empty if it has no route.
        asleep: whether it was applied to sleep.
    """

    revision: str
    digest: str
    asked: str
    at: datetime
    result: str
    since: datetime
    url: str = ""
    asleep: bool = False

    def annotations(self) -> dict[str, str]:
        """The same as annotations."""
        return {
            REVISION: self.revision,
            SETTINGS: self.digest,
            ASKED: self.asked,
            APPLIED_AT: self.at.isoformat(),
            RESULT: self.result,
            SINCE: self.since.isoformat(),
            URL: self.url,
            ASLEEP: "true" if self.asleep else "false",
        }


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """A namespace that stands.

    Args:
        name: its name.
        uid: its identity: one created anew under the same name has another.
        version: its resource version.
        labels: its labels.
        annotations: its annotations.
        created: when it was created; `None` if the API server did not say.
        terminating_since: when it was asked to go, if it was.
        remaining: what keeps it from going, in the API server's own words, and what helps.
        known_as: the branch that its annotations name, where the repository bears another name by now.
    """

    name: str
    uid: str
    version: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    created: datetime | None = None
    terminating_since: datetime | None = None
    remaining: tuple[str, ...] = ()
    known_as: Key | None = None

    def __str__(self) -> str:
        return f"namespace/{self.name}"

    @property
    def managed(self) -> bool:
        """Whether it bears our label."""
        return self.labels.get(MANAGED_BY) == "coppice"

    @property
    def owner(self) -> Key | None:
        """The branch that its annotations name, if it bears our label."""
        if self.known_as is not None:
            return self.known_as
        repository, branch = self.annotations.get(REPOSITORY), self.annotations.get(BRANCH)
        if not (self.managed and repository and branch):
            return None
        try:
            return Key(repository=repository, branch=branch)
        except ValueError:  # no branch has such a name
            return None

    @property
    def applied(self) -> Applied | None:
        """What was applied last; `None` if nothing ever was, or if someone has spoilt the annotations."""
        noted = self.annotations
        try:
            return Applied(
                revision=noted[REVISION],
                digest=noted[SETTINGS],
                asked=noted[ASKED],
                at=parse_time(noted[APPLIED_AT]),
                result=noted[RESULT],
                since=parse_time(noted[SINCE]),
                url=noted.get(URL, ""),
                asleep=noted.get(ASLEEP) == "true",
            )
        except (KeyError, ValueError):
            return None


def claim(key: Key, identities: Mapping[str, str], labelled: Collection[str] = ()) -> dict[str, str]:
    """The annotations that say whose namespace it is.

    Args:
        key: the branch.
        identities: pool → identity, as its record has them.
        labelled: the labels that are set on it, so that one which is not set any more can be told from
            somebody else's.

    Returns:
        Annotations.
    """
    shown = {f"{IDENTITY}.{pool}" if pool else IDENTITY: identity for pool, identity in identities.items()}
    noted = {LABELS: ",".join(sorted(labelled))} if labelled else {}
    return {REPOSITORY: key.repository, BRANCH: key.branch, **shown, **noted}


def labels(name: Name, *, further: Mapping[str, str], overlay: Mapping[str, str]) -> dict[str, str]:
    """The labels of an environment's namespace; ours win over those of the settings, and these over the
    overlay's.
    """
    ours = {MANAGED_BY: "coppice", PART_OF: name.slug}
    return {POD_SECURITY: "baseline", **overlay, **further, **ours}


@dataclass(frozen=True, kw_only=True)
class CreateNamespace(Change):
    """Create it; one that stands by then is not taken over."""

    verb: ClassVar[str] = "create"
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def target(self) -> str:
        """The namespace."""
        return f"namespace/{self.name}"


@dataclass(frozen=True, kw_only=True)
class ApplyNamespace(Change):
    """Set labels and annotations of the very namespace that was read; one that is `None` goes."""

    verb: ClassVar[str] = "apply"
    namespace: Namespace
    labels: Mapping[str, str | None]
    annotations: Mapping[str, str | None]

    @property
    def target(self) -> str:
        """The namespace."""
        return str(self.namespace)


@dataclass(frozen=True, kw_only=True)
class Annotate(Change):
    """Note on the namespace what was applied, and with what result."""

    verb: ClassVar[str] = "annotate"
    name: str
    applied: Applied

    @property
    def target(self) -> str:
        """The namespace, with what is noted."""
        return f"namespace/{self.name} ({self.applied.result} at {self.applied.revision[:12]})"


class NamespaceReader(Protocol):
    """Reads namespaces."""

    def get(self, name: str) -> Namespace | None:
        """The namespace; one call."""

    def all(self) -> Iterator[Namespace]:
        """Every namespace of the cluster, page by page."""


class NamespaceWriter(Protocol):
    """Creates and labels namespaces, and deletes none."""

    def create(self, name: str, *, labels: Mapping[str, str], annotations: Mapping[str, str]) -> None:
        """Create a namespace.

        Raises:
            Conflict: one of that name stands.
        """

    def apply(
        self, namespace: Namespace, *, labels: Mapping[str, str | None], annotations: Mapping[str, str | None]
    ) -> None:
        """Set labels and annotations, take away those that are `None`, and leave the others.

        Raises:
            Conflict: it is no longer the namespace that was read.
        """

    def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        """Set annotations and leave the others."""
