"""The systems of the demo and of end-to-end tests: every outside system, a developer's clone and the host.

The app settings are those of local.settings.sample.json with other addresses, so each run tries the sample.
The program is the one that runs in Azure.
"""

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from devtools.cluster.connection import connect
from devtools.demo.clone import Clone, clone
from devtools.demo.cluster import act_as_bound, prepare
from devtools.demo.databases import Databases
from devtools.demo.processes import ROOT, Server, started, write_kubeconfig
from devtools.emulators.github.repository import Repository, create
from devtools.emulators.github.webhooks import Delivery, deliver, events_between, refs
from devtools.host.settings import read_values

SAMPLE = ROOT / "local.settings.sample.json"
SYSTEM_NAMESPACE = {
    "metadata": {"name": "coppice-system"}
}  # the part of deploy/cluster that an emulator needs
SEED = ("--seed", str(ROOT / "examples" / "todo-app"))
PLATFORM = ROOT / "examples" / "platform"
_OPERATION = ("--operation-seconds", "0.5")  # of AKS; a real one takes minutes


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything but the program.

    Attributes:
        folder: the folder of the repositories, the clone, the settings and the logs.
        repository: the application's bare repository, which the GitHub emulator serves.
        clone: a developer's clone of it.
        platform: the bare repository of the environments that sleep at night, served likewise.
        cluster: the API of the cluster, as an administrator.
        arm: the ARM emulator.
        github: the GitHub emulator.
        databases: the database server; None if environments get no database.
        settings: the app settings that name all of these.
    """

    folder: Path
    repository: Repository
    clone: Clone
    platform: Repository
    cluster: httpx.Client
    arm: httpx.Client
    github: httpx.Client
    databases: Databases | None
    settings: Mapping[str, str]

    def heads(self) -> dict[str, str]:
        """The commit of every branch on GitHub, by branch."""
        return refs(self.repository)

    def deliveries_since(self, before: Mapping[str, str]) -> list[Delivery]:
        """The webhooks that GitHub sends about every push since.

        Args:
            before: the result of `heads` before the push.
        """
        return events_between(self.repository, before, self.heads())


@dataclass(frozen=True, kw_only=True)
class Program:
    """The program in a running functions host.

    Attributes:
        server: the host's process.
        http: a client of the program's HTTP API.
        log: the program's log file.
    """

    server: Server
    http: httpx.Client
    log: Path

    def deliver(self, delivery: Delivery, *, secret: str) -> httpx.Response:
        """Send the program a webhook delivery that is signed with a secret."""
        return deliver(f"{self.server.url}/api/github", delivery.event, delivery.payload, secret)


@contextlib.contextmanager
def world(
    folder: Path,
    *,
    kubeconfig: Path | None = None,
    kubernetes: tuple[str, ...] = (),
    databases: Databases | None = None,
) -> Iterator[World]:
    """Start every outside system, for as long as the context lasts.

    Args:
        folder: an empty folder for all files.
        kubeconfig: names a real cluster to use instead of the emulator.
        kubernetes: arguments of the emulator of Kubernetes.
        databases: a running database server; without one environments get no database.

    Yields:
        The systems. The emulator of Kubernetes has `coppice-system` and a node for each node of each agent
        pool. A real cluster has everything of `deploy/cluster`; its nodes are left alone.

    Raises:
        NotStartedError: an emulator did not start.
        Failure: applying `deploy/cluster` to the real cluster failed.
    """
    path = folder / "todo-app.git"
    platform = create(folder / "gitops.git", PLATFORM, full_name="acme/gitops")
    with contextlib.ExitStack() as stack:
        served = ("--repository", str(path), *SEED, "--also", f"{platform.full_name}={platform.path}")
        github = stack.enter_context(started("devtools.emulators.github", *served, log=folder / "github.log"))
        if kubeconfig is None:
            log = folder / "kubernetes.log"
            server = stack.enter_context(started("devtools.emulators.kubernetes", *kubernetes, log=log))
            kubeconfig = write_kubeconfig(folder / "kubeconfig", server.url)
            httpx.post(
                f"{server.url}/api/v1/namespaces", json=SYSTEM_NAMESPACE, trust_env=False
            ).raise_for_status()
            acting: Mapping[str, str] = {"KUBECONFIG": str(kubeconfig.resolve())}
            pools: tuple[str, ...] = ("--kubeconfig", str(kubeconfig))
        else:
            prepare(kubeconfig)
            acting = act_as_bound(kubeconfig, folder / "kubeconfig")
            pools = ()
        arm = stack.enter_context(
            started("devtools.emulators.arm", *_OPERATION, *pools, log=folder / "arm.log")
        )
        yield World(
            folder=folder,
            repository=Repository(path=path),
            clone=clone(path, folder / "clone"),
            platform=platform,
            cluster=stack.enter_context(connect(kubeconfig)),
            arm=stack.enter_context(_client(arm.url)),
            github=stack.enter_context(_client(github.url)),
            databases=databases,
            settings={
                **read_values(SAMPLE),
                "AZURE_RESOURCE_MANAGER_URL": arm.url,
                "GITHUB_API_URL": github.url,
                "GITHUB_WEBHOOK_SECRET": secrets.token_urlsafe(24),
                "CREDENTIAL_SETTLE_SECONDS": "1",  # no Entra ID has to learn of a new credential
                **acting,
                **(databases.settings if databases else {}),
                "SWEEP_SCHEDULE": "0 0 0 1 1 *",  # the scenarios ask for a sweep when they need one
            },
        )


@contextlib.contextmanager
def program(systems: World, *, port: int = 0, name: str = "host", **settings: str) -> Iterator[Program]:
    """Start the functions host, for as long as the context lasts.

    Args:
        systems: the outside systems.
        port: the host's port; 0 takes a free one.
        name: the base name of its settings file and log.
        settings: app settings that extend or replace those of `systems`.

    Yields:
        The program, serving.

    Raises:
        NotStartedError: the host did not start.
    """
    file, log = systems.folder / f"{name}.settings.json", systems.folder / f"{name}.log"
    file.write_text(json.dumps({"Values": {**systems.settings, **settings}}))
    file.chmod(0o600)  # it holds the webhook's secret
    arguments = ("--port", str(port), "--settings", str(file))
    with started("devtools.host", *arguments, log=log) as server, _client(server.url) as http:
        yield Program(server=server, http=http, log=log)


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=30, trust_env=False)
