"""The outside systems in memory: GitHub, Azure and the cluster, each with its own rules.

Every call of the program goes through `World.call`. So a test can make any call fail, crash or lose its
answer, or change something just before the call. Nothing happens by itself: a test advances the time, the
rollouts and the namespaces that are terminating.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from coppice.components.application import Manifest
from coppice.components.database import Database
from coppice.components.federated_identity import Credential
from coppice.components.monitoring.shared import SharedConfig
from coppice.components.namespace import Namespace
from coppice.components.rollout import Trouble
from coppice.environment.key import Key
from coppice.environment.records import Record, Request
from coppice.environment.references import ObjectRef, SharedName
from coppice.reconciler.errors import Failure

WRITES = {"write", "create", "apply", "annotate", "delete", "suspend", "drop", "alter", "replace"}
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Crash(BaseException):
    """The process ends here. No `except Exception` catches this, as none would catch a real crash."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An object in a namespace."""

    manifest: Manifest
    uid: str
    version: str
    deleting: bool = False
    ready: bool = False


@dataclass(frozen=True, kw_only=True)
class Held:
    """A lease: its holder, and when it expires."""

    holder: str
    until: datetime


def nothing(_: str) -> None:
    """A hook that does nothing."""


@dataclass
class World:
    """All state outside the program, and the hooks that a test may set.

    Args:
        now: the time.
        night: since when environments should be asleep; None if they should not.
        default_branch: the repository's default branch.
        heads: branch → commit.
        trees: commit → the objects that its overlay builds.
        namespaces: by name.
        objects: by namespace and reference.
        records: by namespace.
        requests: by branch.
        identities: `resourceGroup/identityName` → client id.
        credentials: identity → its credentials by name.
        databases: by name.
        passwords: role → its password.
        pending: role → the name of a password that was set and is not yet confirmed.
        shared: the two ConfigMaps of kube-system that configure monitoring.
        leases: the leases that are held, by name.
        last_holders: lock → who held it last.
        unparseable: slug → why its records cannot be read.
        troubles: namespace → its pods that are in trouble.
        lingering: objects that stay `deleting` until `finish_deleting`.
        stuck: namespaces that stay Terminating, and what blocks them.
        before: called with the name of each call before it takes effect.
        after: called with the name of each call after it took effect.
        calls: every call so far.
    """

    now: datetime = START
    night: datetime | None = None
    default_branch: str = "main"
    heads: dict[str, str] = field(default_factory=dict)
    trees: dict[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    objects: dict[tuple[str, ObjectRef], Stored] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    requests: dict[Key, Request] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    credentials: dict[str, dict[str, Credential]] = field(default_factory=dict)
    databases: dict[str, Database] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)
    shared: dict[SharedName, SharedConfig] = field(default_factory=dict)
    leases: dict[str, Held] = field(default_factory=dict)
    last_holders: dict[str, str] = field(default_factory=dict)
    unparseable: dict[str, Failure] = field(default_factory=dict)
    troubles: dict[str, tuple[Trouble, ...]] = field(default_factory=dict)
    lingering: set[ObjectRef] = field(default_factory=set)
    stuck: dict[str, tuple[str, ...]] = field(default_factory=dict)
    before: Callable[[str], None] = nothing
    after: Callable[[str], None] = nothing
    calls: list[str] = field(default_factory=list)
    crashed: bool = False
    _numbers: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @contextlib.contextmanager
    def call(self, what: str) -> Iterator[None]:
        """Make one call, which takes effect completely or not at all."""
        if self.crashed:
            raise Crash
        self.calls.append(what)
        try:
            self.before(what)
            with self._lock:
                yield
            self.after(what)
        except Crash:
            self.crashed = True
            raise

    def crash_at(self, number: int) -> None:
        """Let the process end just before one of the next calls, counted from 0."""
        last = len(self.calls) + number

        def crash(what: str) -> None:
            if len(self.calls) > last:
                raise Crash(what)

        self.before = crash

    def recover(self) -> None:
        """Start the process again, after every lease that it held has expired."""
        self.crashed, self.before, self.after = False, nothing, nothing
        self.pass_time(minutes=2)

    def copy(self) -> "World":
        """Return a copy of the world. Only the containers are copied, because their items are immutable."""
        other = replace(self, _lock=threading.RLock())
        for each in fields(other):
            value = getattr(other, each.name)
            if isinstance(value, dict | list | set):
                setattr(other, each.name, value.copy())
        other.credentials = {identity: dict(named) for identity, named in self.credentials.items()}
        return other

    def number(self) -> str:
        """Return a number that was not returned before."""
        with self._lock:
            self._numbers += 1
            return str(self._numbers)

    def pass_time(self, *, minutes: float = 0, hours: float = 0) -> None:
        """Advance the time."""
        self.now += timedelta(minutes=minutes, hours=hours)

    def settle(self) -> None:
        """Remove namespaces that are terminating, unless they are stuck, and finish rollouts."""
        for name, namespace in list(self.namespaces.items()):
            if namespace.terminating_since and name not in self.stuck:
                self.remove_namespace(name)
        self.become_ready()

    def become_ready(self) -> None:
        """Make every workload ready that has no pod in trouble."""
        for (namespace, ref), stored in self.objects.items():
            if namespace not in self.troubles:
                self.objects[namespace, ref] = replace(stored, ready=True)

    def finish_deleting(self) -> None:
        """Remove the objects that are being deleted."""
        self.lingering.clear()
        self.objects = {at: each for at, each in self.objects.items() if not each.deleting}

    def remove_namespace(self, name: str) -> None:
        """Remove a namespace at once, with everything in it."""
        self.namespaces.pop(name, None)
        self.objects = {at: each for at, each in self.objects.items() if at[0] != name}

    def add_namespace(
        self, name: str, *, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None
    ) -> Namespace:
        """Add a namespace of somebody else."""
        created = Namespace(
            name=name,
            uid=self.number(),
            version=self.number(),
            labels=labels or {},
            annotations=annotations or {},
            created=self.now,
        )
        self.namespaces[name] = created
        return created

    def label(self, name: str, **labels: str) -> None:
        """Label a namespace as somebody else."""
        found = self.namespaces[name]
        self.namespaces[name] = replace(found, version=self.number(), labels={**found.labels, **labels})

    def annotate(self, name: str, **annotations: str) -> None:
        """Annotate a namespace as somebody else."""
        found = self.namespaces[name]
        annotations = {**found.annotations, **annotations}
        self.namespaces[name] = replace(found, version=self.number(), annotations=annotations)

    def add_credential(self, credential: Credential) -> None:
        """Add a credential of somebody else."""
        self.credentials.setdefault(credential.identity, {})[credential.name] = credential

    def every_credential(self) -> tuple[Credential, ...]:
        """Return all credentials of all identities."""
        return tuple(each for named in self.credentials.values() for each in named.values())

    def writes(self, since: int = 0) -> list[str]:
        """Return the calls that change something, without those to leases.

        Args:
            since: the number of calls to skip.
        """
        return [each for each in self.calls[since:] if each.split()[0] in WRITES]

    def objects_in(self, namespace: str) -> set[str]:
        """Return the objects of one namespace, as `Kind/name`."""
        return {str(ref) for where, ref in self.objects if where == namespace}
