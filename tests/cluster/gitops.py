"""What the power tests need of a GitOps controller. Argo CD and Flux each have an adapter."""

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx

from devtools.cluster.connection import apply
from devtools.cluster.processes import Process
from devtools.cluster.waiting import wait_for
from devtools.emulators.github.repository import Repository, create

REPOSITORY = "acme/gitops"
INVALID_SERVICE = b"apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999}]}\n"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An environment that sleeps, and its neighbour that does not.

    Attributes:
        name: its name in the schedule, which is also the name of its pool.
        namespace: the namespace of its pods.
        production: the namespace of the neighbour, whose 3 pods run on the 3 nodes of pool `prod`.
        file: the flag's file.
        path: the flag's path in the file.
        on: the flag's value while the environment is awake.
        off: the flag's value while it sleeps.
        pods: how many pods it has while awake.
        nodes: how many nodes it has while awake.
        autoscaler: the autoscaler's bounds, as a `Picture` writes them.
        schedule: the schedule file.
    """

    name: str
    namespace: str
    production: str
    file: str
    path: tuple[str, ...]
    on: object
    off: object
    pods: int
    nodes: int
    autoscaler: str
    schedule: str

    @property
    def flag_is_on(self) -> str:
        """How the scheduler says that the flag is still on."""
        return f"{'.'.join(self.path)} in {self.file} is {self.on!r}"


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A commit that the controller cannot apply.

    Attributes:
        files: the files that it writes.
        reason: what the outcome must say.
        detail: the controller's own words, which the outcome must repeat.
    """

    files: Mapping[str, bytes | None]
    reason: str
    detail: str


class GitOps(Protocol):
    """A running controller, and the environments that it deploys.

    Attributes:
        environment: the environment that sleeps.
        synced_object: the object that brings it to the cluster, as the scheduler names it.
        source: the process that fetches from Git.
        controller: the process that applies.
        cannot_build: a commit whose overlay does not build.
        is_refused: a commit with an object that the API server refuses.
        applies_in_part: whether it applies the other objects of a commit of which one is refused.
    """

    environment: Environment
    synced_object: str
    source: Process
    controller: Process
    cannot_build: Mistake
    is_refused: Mistake
    applies_in_part: bool

    def repository(self, folder: Path) -> Repository:
        """Make the repository that it deploys from."""

    def deployed(self, repository: Repository) -> contextlib.AbstractContextManager[None]:
        """Deploy the environment and production, for as long as the context lasts."""

    def commit_in_force(self) -> str:
        """The commit that it says is in force; empty if none is yet."""

    def is_healthy(self) -> bool:
        """Whether it says that the environment is well."""

    def is_synced_at(self, commit: str) -> bool:
        """Whether it says that the environment is in sync, at this commit."""

    def follow(self, commit: str | None) -> None:
        """Pin the source to a commit; `None` follows the branch again."""

    def correct(self, repository: Repository) -> None:
        """Commit what undoes a mistake, and tell the controller of it if it would not look soon by itself."""


def bare_repository(folder: Path, seed: Path) -> Repository:
    """Make a bare repository whose path ends in its full name: by that a `file://` URL is recognised."""
    path = folder / f"{REPOSITORY}.git"
    path.mkdir(parents=True)
    return create(path, seed, full_name=REPOSITORY)


def make(api: httpx.Client, plural: str, manifest: Mapping[str, Any]) -> str:
    """Apply a namespaced object; returns its path."""
    metadata = manifest["metadata"]
    path = f"/apis/{manifest['apiVersion']}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"
    apply(api, path, manifest, manager="tests").raise_for_status()
    return path


def delete_and_wait(api: httpx.Client, *paths: str) -> None:
    """Delete objects, and wait until all are gone."""
    for path in paths:
        api.delete(path).raise_for_status()
    wait_until_gone(api, *paths)


def wait_until_gone(api: httpx.Client, *paths: str) -> None:
    """Wait until objects that something deletes are gone."""
    wait_for(f"{', '.join(paths)} to go", lambda: not any(api.get(path).is_success for path in paths))


@contextlib.contextmanager
def stopped(process: Process) -> Iterator[None]:
    """Suspend a process, as if its machine were far too busy."""
    os.kill(process.popen.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.popen.pid, signal.SIGCONT)
