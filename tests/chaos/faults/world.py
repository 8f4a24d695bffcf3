"""The outside systems of the experiments: emulators in this process, which can return to a moment.

Beside the branch under test there is always a neighbour of ours, and what others made; none of it may change
by a byte.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from devtools.demo.processes import write_kubeconfig
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.resources import Credential
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import Identity, example_world
from devtools.emulators.github.app import github_app
from devtools.emulators.github.repository import Commit, Repository, create
from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.kubernetes.controller_simulator import ControllerSimulator, Moment
from devtools.emulators.kubernetes.world import SimulatorSettings
from devtools.emulators.postgres.server import Cluster
from devtools.emulators.queues.app import queue_service
from devtools.emulators.queues.connection import emulator_connection_string
from devtools.emulators.queues.store import Message, Queues
from tests.chaos.faults.app import files
from tests.chaos.faults.clock import Clock
from tests.chaos.faults.databases import Databases, Row
from tests.chaos.faults.fault_proxy import FaultProxy, System
from tests.chaos.faults.relay import Relay

JOBS = Identity(resource_group="rg-coppice", name="id-jobs", client_id="c-jobs", principal_id="p-jobs")
QUEUES = ("branches", "branches-poison")
_SYSTEM = "/api/v1/namespaces/coppice-system"
_WITH_DELAYS = SimulatorSettings(ready_seconds=12, termination_seconds=6)
# Where statements are struck, nothing else is waited for: each wait is a run more in each experiment.
_AT_ONCE = SimulatorSettings(ready_seconds=0, termination_seconds=0)


@dataclass(frozen=True, kw_only=True)
class Pinned(Repository):
    """A repository whose branches a test moves, and which reads each commit but once."""

    refs: dict[str, str] = field(default_factory=dict)
    archives: dict[str, bytes] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def branches(self) -> dict[str, str]:
        """Where the branches stand."""
        return dict(sorted(self.refs.items()))

    def resolve(self, ref: str) -> str | None:
        """A branch's commit, or the commit itself."""
        return self.refs.get(ref, ref)

    def renamed_to(self, branch: str) -> str | None:
        """Nothing is renamed here."""
        return None

    def refusal(self, branch: str) -> str | None:
        """Nothing is protected here."""
        return None

    def describe(self, sha: str) -> Commit:
        """What is known of a commit."""
        if sha not in self.commits:
            self.commits[sha] = super().describe(sha)
        return self.commits[sha]

    def archive(self, sha: str) -> bytes:
        """A commit's files."""
        if sha not in self.archives:
            self.archives[sha] = super().archive(sha)
        return self.archives[sha]


@dataclass(frozen=True)
class Saved:
    """Everything outside as it was at some moment."""

    seconds: float
    refs: dict[str, str]
    credentials: dict[str, dict[str, Credential]]
    cluster: Moment
    messages: dict[str, dict[str, Message]]
    databases: dict[str, Row]


class World:
    """Every outside system.

    Args:
        folder: where the repository and what else needs a file lies.
        postgres: a server for branches' databases; `None` if they get none.
    """

    def __init__(self, folder: Path, postgres: Cluster | None = None) -> None:
        self.databases = Databases(postgres) if postgres else None
        self.clock = Clock(folder / "clock")
        self.repository = _repository(folder)
        self.first, self.second = (self.repository.refs.pop(name) for name in ("first", "second"))
        azure = example_world()
        azure = azure.model_copy(update={"identities": (*azure.identities, JOBS)})
        self.arm = ArmState(world=azure, write_seconds=0, page_size=5)
        self.queues = Queues(now=self.clock.seconds)
        cluster = kubernetes_app(clock=self.clock.now, settings=_AT_ONCE if postgres else _WITH_DELAYS)
        self._simulator: ControllerSimulator = cluster.state.simulator
        systems: dict[str, System] = {
            "arm": arm_app(self.arm),
            "github": github_app(self.repository),
            "kubernetes": cluster,
            "queue": queue_service(self.queues),
        }
        if postgres:
            at = urlsplit(postgres.admin)
            systems["postgres"] = Relay(str(at.hostname), at.port or 5432)
        self.proxy = FaultProxy(systems, self.clock)
        self._kubeconfig = write_kubeconfig(folder / "kubeconfig", self.proxy.url("kubernetes"))

    def settings(self, **more: str) -> dict[str, str]:
        """App settings by which the program finds all this."""
        world = self.arm.world
        return {
            "AzureWebJobsStorage": emulator_connection_string(self.proxy.url("queue")),
            "GITHUB_REPOSITORY": self.repository.full_name,
            "GITHUB_API_URL": self.proxy.url("github"),
            "GITHUB_TOKEN": "any-token-will-do-here",
            "GITHUB_WEBHOOK_SECRET": "for-development-only",
            "BASE_DOMAIN": "example.test",
            "MONITORING_OVERLAY": "",
            "SERVICE_ACCOUNTS": "api,former",
            "WORKLOAD_IDENTITIES": "rg-coppice/id-feature-1,rg-coppice/id-feature-2,jobs:rg-coppice/id-jobs",
            "AZURE_SUBSCRIPTION_ID": world.subscription,
            "AZURE_TENANT_ID": world.tenant,
            "AZURE_RESOURCE_MANAGER_URL": self.proxy.url("arm"),
            "AKS_RESOURCE_GROUP": world.cluster.resource_group,
            "AKS_CLUSTER_NAME": world.cluster.name,
            "KUBECONFIG": str(self._kubeconfig),
            **self._databases(),
            **more,
        }

    def _databases(self) -> dict[str, str]:
        if self.databases is None:
            return {}
        at = urlsplit(self.databases.cluster.admin)
        url = at._replace(netloc=f"{at.username}:{at.password}@{self.proxy.address('postgres')}").geturl()
        return {"POSTGRES_SERVER_URL": url, "CREDENTIAL_SETTLE_SECONDS": "0"}

    def save(self) -> Saved:
        """Take note of everything, to return to."""
        return Saved(
            seconds=self.clock.seconds(),
            refs=dict(self.repository.refs),
            credentials=deepcopy(self.arm.credentials),
            cluster=self._simulator.snapshot(),
            messages=self.queues.snapshot(),
            databases=self.databases.read_rows() if self.databases else {},
        )

    def restore(self, saved: Saved) -> None:
        """Return to a moment."""
        self.clock.set(saved.seconds)
        self.repository.refs.clear()
        self.repository.refs.update(saved.refs)
        self.arm.credentials = deepcopy(saved.credentials)
        self._simulator.restore(saved.cluster)
        self.queues.restore(saved.messages)
        if self.databases:
            self.databases.restore(saved.databases)

    def push(self, branch: str, commit: str) -> None:
        """Move a branch to one of the commits, or make it there."""
        self.repository.refs[branch] = commit

    def delete(self, branch: str) -> None:
        """Delete a branch."""
        del self.repository.refs[branch]

    def created(self, path: str, document: Mapping[str, Any]) -> None:
        """Somebody creates an object in the cluster."""
        answer = self.proxy.ask("kubernetes", "POST", path, json.dumps(document).encode())
        assert answer.status == 201, answer.body

    def cluster(self) -> dict[str, list[dict[str, Any]]]:
        """Everything that stands in the cluster, by resource."""
        document: dict[str, list[dict[str, Any]]] = json.loads(
            self.proxy.ask("kubernetes", "GET", "/_emulator/state").body
        )
        return document

    def populate(self) -> None:
        """What stood before: `coppice-system`, queues, and what others made."""
        for name in QUEUES:
            self.queues.create(name)
        for name in ("coppice-system", "agc-shared", "payments", "feature-of-another-team"):
            self.created("/api/v1/namespaces", {"metadata": {"name": name, "labels": {"team": "blue"}}})
        for name in ("payments", "feature-of-another-team"):
            self.created(f"/api/v1/namespaces/{name}/configmaps", {"metadata": {"name": "theirs"}})
        self.created(f"{_SYSTEM}/configmaps", {"metadata": {"name": "by-hand"}, "data": {"a": "b"}})
        lease = {"metadata": {"name": "of-a-controller"}, "spec": {"holderIdentity": "somebody"}}
        self.created("/apis/coordination.k8s.io/v1/namespaces/coppice-system/leases", lease)
        issuer = self.arm.world.cluster.issuer_url
        for name, each in self.arm.credentials.items():
            for number in range(6 if name.endswith("1") else 1):
                theirs = f"theirs-{number}"
                subject = f"system:serviceaccount:payments:runner-{number}"
                each[theirs] = Credential(
                    name=theirs, issuer=issuer, subject=subject, audiences=("api://AzureADTokenExchange",)
                )


def _repository(folder: Path) -> Pinned:
    seed = folder / "seed"
    seed.mkdir()
    (seed / "README.md").write_text("The application of the experiments.\n")
    created = create(folder / "repository.git", seed)
    created.commit("first", files(config="old", version=1), "the first commit")
    created.commit("second", files(config="new", version=2), "the second commit")
    return Pinned(path=created.path, refs=created.branches())
