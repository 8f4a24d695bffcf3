"""The program on a cluster, each part of it in the name of the identity that it acts as."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from adapters.kubernetes.client import Api
from adapters.kubernetes.connection import by_kubeconfig
from app.container import Container
from app.reconciler import Reconciler
from coppice.environment.key import Key
from coppice.reconciler.outcome import Outcome, Waiting
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import example_world
from devtools.emulators.github.app import github_app
from devtools.emulators.github.repository import Repository, create
from devtools.emulators.serving import serving

# The placeholders of deploy/cluster/identities.yaml.
PROVISIONING, DEPROVISIONING, SCHEDULING = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2, 3))
REPOSITORY = "acme/app"

_OVERLAY = "manifests/overlays/feature"


class AsIdentities(Container):
    """An administrator's kubeconfig, used in the name of the identity that each part acts as."""

    def api(self, client_id: str) -> Api:
        return Api(by_kubeconfig(self.settings.kubeconfig), impersonate=client_id)


@dataclass(frozen=True, kw_only=True)
class Program:
    """The program and the repository that it looks after."""

    composition: Container
    repository: Repository

    def push(self, branch: str, manifests: Sequence[Mapping[str, Any]]) -> None:
        """Commit an overlay of these objects."""
        kustomization = {"namespace": "feature-BRANCH_NAME", "resources": ["objects.yaml"]}
        files: dict[str, bytes | None] = {
            f"{_OVERLAY}/kustomization.yaml": yaml.safe_dump(kustomization).encode(),
            f"{_OVERLAY}/objects.yaml": yaml.safe_dump_all(manifests).encode(),
        }
        self.repository.commit(branch, files, "overlay")

    def settle(self, branch: str, *, reconciler: Reconciler | None = None) -> Outcome:
        """Reconcile a branch until there is nothing more to wait for, as its queue would."""
        reconciler = reconciler or self.composition.reconciler
        deadline = time.monotonic() + 60
        while True:
            outcome = reconciler.reconcile(Key(repository=REPOSITORY, branch=branch)).outcome
            if not isinstance(outcome, Waiting) or time.monotonic() > deadline:
                return outcome
            time.sleep(0.5)


@contextlib.contextmanager
def running_program(kubeconfig: Path, folder: Path) -> Iterator[Program]:
    """Put the program together, between a cluster and emulators of all else."""
    seed = folder / "seed"
    seed.mkdir()
    (seed / "README.md").write_text("An application.\n")
    repository = create(folder / "app.git", seed, full_name=REPOSITORY)
    azure = example_world()
    with serving(github_app(repository)) as github, serving(arm_app(ArmState(world=azure))) as arm:
        settings = {
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": github,
            "GITHUB_TOKEN": "not-a-token",
            "GITHUB_WEBHOOK_SECRET": "not-a-secret",
            "BASE_DOMAIN": "example.test",
            "MONITORING_OVERLAY": "",
            "KEY_VAULTS": "kv",
            "CREDENTIAL_SETTLE_SECONDS": "0",
            "WORKLOAD_IDENTITIES": "rg-coppice/id-feature-1",
            "AZURE_SUBSCRIPTION_ID": azure.subscription,
            "AZURE_TENANT_ID": azure.tenant,
            "AZURE_RESOURCE_MANAGER_URL": arm,
            "AKS_RESOURCE_GROUP": azure.cluster.resource_group,
            "AKS_CLUSTER_NAME": azure.cluster.name,
            "KUBECONFIG": str(kubeconfig),
            "PROVISIONING_CLIENT_ID": PROVISIONING,
            "DEPROVISIONING_CLIENT_ID": DEPROVISIONING,
        }
        yield Program(composition=AsIdentities(settings), repository=repository)
