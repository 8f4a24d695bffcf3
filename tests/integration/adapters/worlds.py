"""A small world of each system: its emulator, and our adapters pointed at it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.azure.client import Unsigned
from adapters.azure.cluster import ClusterAdapter
from adapters.azure.identities import CredentialDeleterAdapter, CredentialWriterAdapter, IdentityReaderAdapter
from adapters.github.connections import Connections
from adapters.github.repository import RepositoryAdapter
from adapters.kubernetes.client import Api
from adapters.storage.queue import Queue
from devtools.emulators.arm.state import ArmState
from devtools.emulators.emulator import Emulator
from devtools.emulators.github.repository import Repository
from devtools.emulators.queues.connection import emulator_connection_string
from devtools.emulators.queues.store import Queues

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TOKEN = "ghs_0123456789"


@dataclass
class Stage:
    """A server whose application a test brings along: to start one for each takes a tenth of a second."""

    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.app is not None:
            await self.app(scope, receive, send)


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The emulator of Kubernetes, and the client under test."""

    url: str
    emulator: Emulator
    api: Api
    clock: Clock
    http: httpx.Client

    def namespace(self, name: str, **metadata: Any) -> dict[str, Any]:
        return self.made("/api/v1/namespaces", {"metadata": {"name": name, **metadata}})

    def made(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        answer = self.http.post(path, json=document)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def standing(self, path: str) -> dict[str, Any]:
        answer = self.http.get(path).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def asked(self, *methods: str) -> list[str]:
        """What the client sent, as `METHOD path`."""
        return [f"{each.method} {each.path}" for each in self.emulator.requests if each.method in methods]


@dataclass
class TurnsTaken:
    """Gives a turn at once, and notes whose it was."""

    taken: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def of(self, identity: str) -> Iterator[None]:
        self.taken.append(identity)
        yield


@dataclass(frozen=True, kw_only=True)
class AzureAdapters:
    """The adapters for ARM, and the turns that were taken."""

    cluster: ClusterAdapter
    reader: IdentityReaderAdapter
    rate_limiter: TurnsTaken
    writer: CredentialWriterAdapter
    deleter: CredentialDeleterAdapter


@dataclass(frozen=True, kw_only=True)
class Azure:
    """The emulator of ARM, and the adapters under test."""

    url: str
    emulator: Emulator
    state: ArmState
    ours: AzureAdapters

    def asked(self, *methods: str) -> int:
        return sum(1 for each in self.emulator.requests if each.method in methods)


def azure_at(url: str) -> AzureAdapters:
    rate_limiter = TurnsTaken()
    cluster = ClusterAdapter(Unsigned(), SUBSCRIPTION, url, group="rg-coppice", name="aks-coppice")
    return AzureAdapters(
        cluster=cluster,
        reader=IdentityReaderAdapter(Unsigned(), SUBSCRIPTION, url, issuer=cluster.issuer),
        rate_limiter=rate_limiter,
        writer=CredentialWriterAdapter(Unsigned(), SUBSCRIPTION, url, rate_limiter=rate_limiter),
        deleter=CredentialDeleterAdapter(Unsigned(), SUBSCRIPTION, url, rate_limiter=rate_limiter),
    )


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """The emulator of GitHub, and the adapter under test."""

    url: str
    emulator: Emulator
    git: Repository
    repository: RepositoryAdapter

    @property
    def main(self) -> str:
        return str(self.git.head("main"))


def repository_at(url: str, **options: Any) -> RepositoryAdapter:
    return RepositoryAdapter(Connections(url=url, token=TOKEN), "acme/todo-app", **options)


@dataclass(frozen=True, kw_only=True)
class Storage:
    """The emulator of queue storage, and the adapter under test."""

    url: str
    emulator: Emulator
    queues: Queues
    queue: Queue
    clock: list[float]


def queue_at(url: str) -> Queue:
    return Queue("branches", {"AzureWebJobsStorage": emulator_connection_string(url)})
