"""An environment's namespace: its observed state, the marks of its owner, its changes and its ports."""

from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.observed_parts import ObservedPart
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
OBJECTS = "coppice.dev/objects"
LABELS = "coppice.dev/labels"
POD_SECURITY = "pod-security.kubernetes.io/enforce"

ROLLING_OUT = "RollingOut"
READY = "Ready"
NOT_READY = "NotReady"


@dataclass(frozen=True, kw_only=True)
class Applied:
    """The overlay that was applied last, as the namespace's annotations describe it.

    Args:
        revision: the commit of the overlay.
        digest: the digest of the settings that it was rendered with.
        asked: the time of the latest request that it answers; empty if there was none.
        at: when the plan that applied it completely was made.
        result: `RollingOut`, `Ready` or `NotReady`.
        since: since when it has had this result.
        url: the URL of the environment; empty if it has no route.
        asleep: whether it was applied with its workloads scaled to 0.
        objects: a digest of the objects, which identifies the record's digests of each; empty if it is not
            known.
    """

    revision: str
    digest: str
    asked: str
    at: datetime
    result: str
    since: datetime
    url: str = ""
    asleep: bool = False
    objects: str = ""

    def annotations(self) -> dict[str, str]:
        """Return the annotations that describe it."""
        return {
            REVISION: self.revision,
            SETTINGS: self.digest,
            ASKED: self.asked,
            APPLIED_AT: self.at.isoformat(),
            RESULT: self.result,
            SINCE: self.since.isoformat(),
            URL: self.url,
            ASLEEP: "true" if self.asleep else "false",
            OBJECTS: self.objects,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Namespace:
    """A namespace that exists.

    Args:
        name: its name.
        uid: its UID, which differs from that of a namespace created later under the same name.
        version: its resource version.
        labels: its labels.
        annotations: its annotations.
        created: when it was created; `None` if the API server did not say.
        terminating_since: when its deletion was requested; `None` if it was not.
        remaining: what blocks its deletion, as the API server reports it, and what to do about it.
        known_as: the branch that its annotations name, under the repository's present name; `None` if the
            annotations are to be used as they are.
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
        """Return whether it has our `managed-by` label."""
        return self.labels.get(MANAGED_BY) == "coppice"

    @property
    def owner(self) -> Key | None:
        """Return the branch that its annotations name; `None` if they name none or our label is missing."""
        if self.known_as is not None:
            return self.known_as
        repository, branch = self.annotations.get(REPOSITORY), self.annotations.get(BRANCH)
        if not (self.managed and repository and branch):
            return None
        try:
            return Key(repository=repository, branch=branch)
        except ValueError:  # no branch can have this name
            return None

    @property
    def applied(self) -> Applied | None:
        """Return what was applied last; `None` if nothing was, or if the annotations are invalid."""
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
                objects=noted.get(OBJECTS, ""),
            )
        except (KeyError, ValueError):
            return None


def claim(key: Key, identities: Mapping[str, str], labelled: Collection[str] = ()) -> dict[str, str]:
    """Return the annotations that name a namespace's owner.

    Args:
        key: the branch that owns it.
        identities: pool → identity, as the branch's record has them.
        labelled: the labels that Coppice sets on it. They are listed in an annotation, so that a label which
            Coppice no longer sets can be told from one that somebody else has set.
    """
    shown = {f"{IDENTITY}.{pool}" if pool else IDENTITY: identity for pool, identity in identities.items()}
    noted = {LABELS: ",".join(sorted(labelled))} if labelled else {}
    return {REPOSITORY: key.repository, BRANCH: key.branch, **shown, **noted}


def labels(name: Name, *, further: Mapping[str, str], overlay: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of an environment's namespace.

    Args:
        name: the names of the environment.
        further: the labels of the settings; they take precedence over those of the overlay.
        overlay: the labels that the overlay sets on its namespace.

    Returns:
        All labels. Coppice's own take precedence over all others.
    """
    ours = {MANAGED_BY: "coppice", PART_OF: name.slug}
    return {POD_SECURITY: "baseline", **overlay, **further, **ours}


@dataclass(frozen=True, kw_only=True)
class CreateNamespace(Change):
    """Create the namespace. If it exists by then, it is not taken over."""

    verb: ClassVar[str] = "create"
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.NAMESPACE})
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def target(self) -> str:
        """Return the namespace's name."""
        return f"namespace/{self.name}"


@dataclass(frozen=True, kw_only=True)
class ApplyNamespace(Change):
    """Set labels and annotations of exactly the namespace that was read, and remove those that are `None`."""

    verb: ClassVar[str] = "apply"
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.NAMESPACE})
    namespace: Namespace
    labels: Mapping[str, str | None]
    annotations: Mapping[str, str | None]

    @property
    def target(self) -> str:
        """Return the namespace's name."""
        return str(self.namespace)


@dataclass(frozen=True, kw_only=True)
class Annotate(Change):
    """Write what was applied, and its result, to the namespace's annotations."""

    verb: ClassVar[str] = "annotate"
    only_notes: ClassVar[bool] = True
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.NAMESPACE})
    name: str
    applied: Applied

    @property
    def target(self) -> str:
        """Return the namespace's name, with the result and the commit."""
        return f"namespace/{self.name} ({self.applied.result} at {self.applied.revision[:12]})"


class NamespaceReader(Protocol):
    """Reads namespaces."""

    def get(self, name: str) -> Namespace | None:
        """Return a namespace, in one call; `None` if it does not exist."""

    def all(self) -> Iterator[Namespace]:
        """Yield every namespace of the cluster, reading page by page."""


class NamespaceWriter(Protocol):
    """Creates, labels and annotates namespaces. It cannot delete them."""

    def create(self, name: str, *, labels: Mapping[str, str], annotations: Mapping[str, str]) -> None:
        """Create a namespace.

        Args:
            name: its name.
            labels: its labels.
            annotations: its annotations.

        Raises:
            Conflict: a namespace of that name exists.
        """

    def apply(
        self, namespace: Namespace, *, labels: Mapping[str, str | None], annotations: Mapping[str, str | None]
    ) -> None:
        """Set labels and annotations, remove those that are `None`, and leave all others.

        Args:
            namespace: the namespace, as it was read.
            labels: the labels to set or to remove.
            annotations: the annotations to set or to remove.

        Raises:
            Conflict: it is no longer the namespace that was read.
        """

    def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        """Set annotations, and leave all others.

        Args:
            name: the namespace's name.
            annotations: the annotations to set.
        """
