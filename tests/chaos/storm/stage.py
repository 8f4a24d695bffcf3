"""The systems of the storm: each outside system is a process, and so is each worker."""

import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from coppice.components.namespace import READY, RESULT
from devtools.demo.processes import Server, started, write_kubeconfig
from devtools.demo.world import SAMPLE, SYSTEM_NAMESPACE
from devtools.emulators.arm.world import Identity, example_world
from devtools.emulators.azurite import azurite
from devtools.emulators.github.repository import Repository
from devtools.host.settings import read_values
from tests.chaos.storm.size import Size
from tests.support.manifests import BASE_DOMAIN, config_map, overlay

SECRET = "a secret between GitHub and the host"
GROUP = "rg-coppice"


def _overlay(*more: dict[str, Any]) -> Mapping[str, bytes]:
    """The files of an overlay."""
    return {
        "manifests/overlays/feature/kustomization.yaml": b"resources: [objects.yaml]\n",
        "manifests/overlays/feature/objects.yaml": yaml.safe_dump_all(overlay(*more)).encode(),
        "manifests/overlays/azure-feature/kustomization.yaml": b"resources: []\n",
    }


PLAIN = _overlay()  # that of the default branch
MORE = _overlay(config_map("more", of="this"))


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The outside systems.

    Attributes:
        folder: the folder of the repository, the settings and the logs.
        repository: the bare repository that the GitHub emulator serves.
        cluster: the emulator of Kubernetes.
        arm: the emulator of ARM.
        storage: the connection string of Azurite.
        settings: the app settings that name all of these.
    """

    folder: Path
    repository: Repository
    cluster: httpx.Client
    arm: httpx.Client
    storage: str
    settings: Mapping[str, str]

    @property
    def log(self) -> Path:
        """The log of the host and its workers."""
        return self.folder / "host.log"

    def held_locks(self) -> set[str]:
        """The locks that a worker holds, or held when it was killed."""
        answer = self.cluster.get("/apis/coordination.k8s.io/v1/namespaces/coppice-system/leases")
        leases = answer.raise_for_status().json()["items"]
        held = (each for each in leases if each["spec"].get("holderIdentity"))
        return {each["metadata"]["annotations"]["coppice.dev/lock"] for each in held}

    def ready_namespaces(self) -> dict[str, bool]:
        """Every namespace, and whether an environment in it is ready."""
        listed = self.cluster.get("/api/v1/namespaces").raise_for_status().json()["items"]
        annotations = {each["metadata"]["name"]: each["metadata"].get("annotations") or {} for each in listed}
        return {name: found.get(RESULT) == READY for name, found in annotations.items()}

    def messages(self, queue: str) -> int:
        """How many messages are in a queue, with those that are being processed."""
        with QueueClient.from_connection_string(self.storage, queue) as client:
            try:
                return client.get_queue_properties().approximate_message_count or 0
            except ResourceNotFoundError:
                return 0


@dataclass
class Host:
    """The program: one process for HTTP and timers, and workers that come and go.

    Attributes:
        server: the process that starts the workers.
        http: a client of its HTTP API.
        started_pids: every worker so far.
        killed_pids: the workers that were killed.
    """

    server: Server
    http: httpx.Client
    started_pids: list[int] = field(default_factory=list)
    killed_pids: list[int] = field(default_factory=list)

    def track_workers(self) -> None:
        """Record each worker that is started."""
        stdout = self.server.process.stdout
        assert stdout is not None
        for line in stdout:
            self.started_pids.append(json.loads(line)["pid"])

    def alive_pids(self) -> list[int]:
        """The workers that were not killed."""
        return [pid for pid in self.started_pids.copy() if pid not in self.killed_pids]

    def kill(self, pid: int) -> None:
        """Kill a worker."""
        self.killed_pids.append(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def stage(folder: Path, size: Size) -> Iterator[Stage]:
    """Start the outside systems, for as long as the context lasts.

    Raises:
        AzuriteMissingError: it is not installed.
    """
    seed = folder / "seed"
    _write(seed, PLAIN)
    world = folder / "arm.json"
    world.write_text(_subscription(size.identities))
    path = folder / "todo.git"
    with contextlib.ExitStack() as stack:
        storage = stack.enter_context(azurite())

        def start(module: str, *arguments: str) -> str:
            log = folder / f"{module}.log"
            return stack.enter_context(started(module, *arguments, log=log)).url

        github = start("devtools.emulators.github", "--repository", str(path), "--seed", str(seed))
        arm = start("devtools.emulators.arm", "--world", str(world), "--write-seconds", "0.05")
        kubernetes = start(
            "devtools.emulators.kubernetes", "--ready-seconds", "0.2", "--termination-seconds", "0.2"
        )
        made = Stage(
            folder=folder,
            repository=Repository(path=path),
            cluster=stack.enter_context(_client(kubernetes)),
            arm=stack.enter_context(_client(arm)),
            storage=storage,
            settings={
                **read_values(SAMPLE),
                "AzureWebJobsStorage": storage,
                "AZURE_RESOURCE_MANAGER_URL": arm,
                "BASE_DOMAIN": BASE_DOMAIN,
                "CREDENTIAL_SETTLE_SECONDS": "0",
                "GITHUB_API_URL": github,
                "GITHUB_WEBHOOK_SECRET": SECRET,
                "KUBECONFIG": str(write_kubeconfig(folder / "kubeconfig", kubernetes)),
                "LEASE_SECONDS": str(size.lease_seconds),
                "MAX_ENVIRONMENTS": str(2 * size.branches),
                "POWER_SCHEDULE": "0 0 0 1 1 *",
                "SWEEP_MAX_DELETIONS": str(2 * size.branches),
                "SWEEP_SCHEDULE": "0 0 0 1 1 *",  # a sweep comes when the storm is over
                "WORKLOAD_IDENTITIES": ",".join(f"{GROUP}/{name}" for name in _names(size.identities)),
            },
        )
        made.cluster.post("/api/v1/namespaces", json=SYSTEM_NAMESPACE).raise_for_status()
        yield made


@contextlib.contextmanager
def host(systems: Stage, size: Size) -> Iterator[Host]:
    """Start the host and its workers, for as long as the context lasts."""
    file = systems.folder / "settings.json"
    file.write_text(json.dumps({"Values": dict(systems.settings)}))
    workers = ("--workers", str(size.workers), "--lock-seconds", str(size.lock_seconds))
    arguments = ("--port", "0", "--settings", str(file), "--app", "tests.chaos.storm.app", *workers)
    with started("devtools.host", *arguments, log=systems.log) as server, _client(server.url) as http:
        made = Host(server=server, http=http)
        threading.Thread(target=made.track_workers, daemon=True).start()
        yield made


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _names(identities: int) -> list[str]:
    return [f"id-feature-{number}" for number in range(identities)]


def _subscription(identities: int) -> str:
    made = tuple(
        Identity(resource_group=GROUP, name=name, client_id=f"client-of-{name}", principal_id=f"of-{name}")
        for name in _names(identities)
    )
    return example_world().model_copy(update={"identities": made}).model_dump_json(by_alias=True)


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=60, trust_env=False)
