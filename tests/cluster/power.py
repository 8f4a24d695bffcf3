"""An environment on a real control plane, switched for real."""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from adapters.kubernetes.client import Api
from adapters.kubernetes.connection import by_kubeconfig
from coppice.reconciler.outcome import Outcome, Waiting
from devtools.cluster.waiting import wait_for
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.nodes import keeping_nodes
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import example_world
from devtools.emulators.emulator import Emulator
from devtools.emulators.github.app import github_app
from devtools.emulators.github.git import git
from devtools.emulators.github.repository import Repository
from devtools.emulators.serving import serving
from scheduler.reconciler import Reconciler
from tests.cluster.gitops import REPOSITORY, Environment, GitOps
from tests.cluster.program import SCHEDULING, AsIdentities
from tests.cluster.watching import Picture, Watched

NEEDS_KWOK = pytest.mark.skipif(
    bool(os.environ.get("KUBECONFIG_TEST")), reason="a cluster that was named has no kwok to play nodes"
)
EVENING = datetime(2026, 3, 2, 20, 1, tzinfo=UTC)  # a Monday
MORNING = datetime(2026, 3, 3, 6, 1, tzinfo=UTC)


@dataclass(kw_only=True)
class Stage:
    """The program between a cluster, Git and Azure."""

    api: httpx.Client
    repository: Repository
    gitops: GitOps
    arm: ArmState
    azure: Emulator
    reconciler: Reconciler
    pictures: list[Picture] = field(default_factory=list)

    @property
    def environment(self) -> Environment:
        """The environment that is switched."""
        return self.gitops.environment

    @property
    def head(self) -> str:
        """The commit of the default branch."""
        return str(self.repository.head("main"))

    @property
    def pool(self) -> Mapping[str, object]:
        """The environment's pool, as ARM has it."""
        return dict(self.arm.pools[self.environment.name])

    @property
    def settings(self) -> dict[str, object]:
        """All that somebody has set of the environment's pool."""
        return {
            name: value for name, value in self.pool.items() if name != "eTag" and value not in ({}, None)
        }

    def tick(self, at: datetime) -> Outcome:
        """Run once, at a time of the calendar."""
        moved = replace(self.reconciler, now=lambda: at)
        return moved.reconcile(self.environment.name).outcome

    def settle(self, at: datetime, *, seconds: float = 90) -> Outcome:
        """Run until there is nothing more to wait for, as its queue would."""
        deadline = time.monotonic() + seconds
        while True:
            outcome = self.tick(at)
            if not isinstance(outcome, Waiting) or time.monotonic() > deadline:
                return outcome
            time.sleep(0.2)

    def run_until(self, at: datetime, code: str, says: str = "", *, seconds: float = 60) -> Outcome:
        """Run until an outcome has this code and says this."""
        outcome = self.tick(at)
        deadline = time.monotonic() + seconds
        while outcome.code != code or says not in outcome.why:
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {seconds:.0f} s for {code} ({says}); it is {outcome}")
            time.sleep(0.2)
            outcome = self.tick(at)
        return outcome

    def flag_at(self, commit: str) -> object:
        """What the flag says at a commit."""
        if not commit:
            return None
        value: Any = yaml.safe_load(
            git(self.repository.path, "show", f"{commit}:{self.environment.file}").decode()
        )
        for part in self.environment.path:
            value = value[part]
        return value

    def pods(self, namespace: str = "") -> list[Any]:
        """The pods of a namespace, the environment's own if none is named."""
        where = f"/api/v1/namespaces/{namespace or self.environment.namespace}/pods"
        found: list[Any] = self.api.get(where).raise_for_status().json()["items"]
        return found

    def ready_pods(self, namespace: str = "") -> int:
        """How many of them are ready."""
        return sum(_is_ready(each) for each in self.pods(namespace))

    def ready_nodes(self, pool: str = "") -> int:
        """How many nodes of a pool are ready, of the environment's own if none is named."""
        selector = {"labelSelector": f"agentpool={pool or self.environment.name}"}
        nodes = self.api.get("/api/v1/nodes", params=selector).raise_for_status().json()["items"]
        return sum(_is_ready(each) and not each["spec"].get("unschedulable") for each in nodes)

    def written_pools(self) -> set[str]:
        """The pools that ARM was asked to write, whatever it answered."""
        return {each.path.rpartition("/")[2] for each in self.azure.requests if each.method != "GET"}

    def picture(self, wrote: str) -> Picture:
        """Look at the world."""
        commit = self.gitops.commit_in_force()
        return Picture(wrote, self.flag_at(commit), len(self.pods()), self.ready_nodes(), commit)


@contextlib.contextmanager
def staged(
    kubeconfig: Path,
    api: httpx.Client,
    folder: Path,
    *,
    repository: Repository,
    gitops: GitOps,
) -> Iterator[Stage]:
    """Put the scheduler together; its pools' nodes and its ledgers are gone when it is over."""
    (folder / "schedule.yaml").write_text(gitops.environment.schedule)
    state = ArmState(world=example_world())
    azure, administrator = arm_app(state), Api(by_kubeconfig(str(kubeconfig)))
    watched_azure, watched_github = Watched(azure, "PUT"), Watched(github_app(repository), "PATCH")
    with contextlib.ExitStack() as stack:
        stack.callback(_remove_nodes, api, tuple(state.pools))
        stack.callback(_remove_ledgers, api)  # the next schedule would find an orphan in it
        stack.enter_context(keeping_nodes(state, administrator))
        url = stack.enter_context(serving(watched_azure))
        github = stack.enter_context(serving(watched_github))
        settings = {
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": github,
            "GITHUB_TOKEN": "not-a-token",
            "GITHUB_WEBHOOK_SECRET": "not-a-secret",
            "BASE_DOMAIN": "example.test",
            "WORKLOAD_IDENTITIES": "rg-coppice/id-feature-1",
            "AZURE_SUBSCRIPTION_ID": state.world.subscription,
            "AZURE_TENANT_ID": state.world.tenant,
            "AZURE_RESOURCE_MANAGER_URL": url,
            "AKS_RESOURCE_GROUP": state.world.cluster.resource_group,
            "AKS_CLUSTER_NAME": state.world.cluster.name,
            "KUBECONFIG": str(kubeconfig),
            "SCHEDULER_CLIENT_ID": SCHEDULING,
            "SCHEDULE_FILE": str(folder / "schedule.yaml"),
        }
        reconciler = AsIdentities(settings).power
        assert reconciler is not None
        stage = Stage(
            api=api,
            repository=repository,
            gitops=gitops,
            arm=state,
            azure=azure,
            reconciler=reconciler,
        )
        watched_azure.stage = watched_github.stage = stage
        yield stage


def as_scheduling(kubeconfig: Path) -> Api:
    """The cluster, as the scheduler's identity sees it."""
    return Api(by_kubeconfig(str(kubeconfig)), impersonate=SCHEDULING)


def _is_ready(document: Mapping[str, Any]) -> bool:
    conditions = document.get("status", {}).get("conditions") or ()
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and "deletionTimestamp" not in document["metadata"]


def _remove_ledgers(api: httpx.Client) -> None:
    config_maps = "/api/v1/namespaces/coppice-system/configmaps"
    api.delete(config_maps, params={"labelSelector": "coppice.dev/kind=ledger"}).raise_for_status()


def _remove_nodes(api: httpx.Client, pools: tuple[str, ...]) -> None:
    selector = {"labelSelector": f"agentpool in ({','.join(pools)})"}
    for each in api.get("/api/v1/nodes", params=selector).raise_for_status().json()["items"]:
        api.delete(f"/api/v1/nodes/{each['metadata']['name']}").raise_for_status()


def wait_for_pods(stage: Stage, count: int, namespace: str = "") -> None:
    """Wait until so many pods are ready."""
    wait_for(f"{count} ready pods", lambda: stage.ready_pods(namespace) == count)
