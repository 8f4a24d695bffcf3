"""What docs/how-to/adopt-an-environment.md says, done to the letter; its record is read from the page."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.models import FederatedIdentityCredential

from adapters.azure.client import Unsigned
from app.container import Container
from coppice.reconciler.outcome import Done, Outcome, Waiting
from devtools.demo.processes import write_kubeconfig
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import example_world
from devtools.emulators.github.app import github_app
from devtools.emulators.github.repository import Repository, create
from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.serving import serving

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/how-to/adopt-an-environment.md").read_text()
BRANCH, NAMESPACE = "ex-c4-e6", "feature-ex-c4-e6"
OLDER = "keyvault-workload-identity-ex-c4-e6"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return create(tmp_path / "todo-app.git", ROOT / "examples/todo-app")


@pytest.fixture
def arm() -> ArmState:
    return ArmState(world=example_world(), write_seconds=0)


@pytest.fixture
def program(repository: Repository, arm: ArmState, tmp_path: Path) -> Iterator[Container]:
    with (
        serving(arm_app(arm)) as azure,
        serving(github_app(repository)) as github,
        serving(kubernetes_app()) as cluster,
    ):
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", cluster)
        sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
        addresses = {
            "GITHUB_API_URL": github,
            "AZURE_RESOURCE_MANAGER_URL": azure,
            "KUBECONFIG": str(kubeconfig),
        }
        program = Container({**sample, **addresses})
        for name in ("coppice-system", NAMESPACE):
            program.provisioning_api.post("/api/v1/namespaces", {"metadata": {"name": name}})
        yield program


def stand_before(program: Container) -> None:
    """What another pipeline left: a namespace with an object in it, and a credential named its own way."""
    settings = program.settings
    client = ManagedServiceIdentityClient(
        Unsigned(),
        settings.azure_subscription_id,
        base_url=settings.azure_resource_manager_url,
        authentication_policy=SansIOHTTPPolicy(),
    )
    subject = f"system:serviceaccount:{NAMESPACE}:postgres-service-account"
    wanted = FederatedIdentityCredential(
        issuer=program.cluster.issuer(), subject=subject, audiences=["api://AzureADTokenExchange"]
    )
    client.federated_identity_credentials.create_or_update("rg-coppice", "id-feature-1", OLDER, wanted)
    config_maps = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
    program.provisioning_api.post(config_maps, {"metadata": {"name": "by-the-former-pipeline"}})


def hand_over(program: Container) -> None:
    """The page's steps: its record as it stands there, and the labels and annotations of its commands."""
    record = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0])
    program.provisioning_api.post("/api/v1/namespaces/coppice-system/configmaps", record)
    marks = {
        kind: dict(pair.split("=") for pair in pairs.split())
        for kind, pairs in re.findall(rf"kubectl (label|annotate) namespace {NAMESPACE} (.*)", PAGE)
    }
    metadata = {"labels": marks["label"], "annotations": marks["annotate"]}
    program.provisioning_api.merge(f"/api/v1/namespaces/{NAMESPACE}", {"metadata": metadata})


def settle(program: Container) -> Outcome:
    """Run until the key would no longer come back, or for ten seconds."""
    deadline = time.monotonic() + 10
    while True:
        outcome = program.reconciler.reconcile(program.config.key(BRANCH)).outcome
        if not isinstance(outcome, Waiting) or time.monotonic() > deadline:
            return outcome


def test_what_was_not_handed_over_is_left_alone(program: Container, repository: Repository) -> None:
    stand_before(program)
    repository.commit(BRANCH, {"note": b"a branch"}, "begin")

    report = program.reconciler.reconcile(program.config.key(BRANCH))

    assert report.outcome.code == "not_ours"
    assert report.results == ()


def test_an_environment_that_was_handed_over_is_looked_after_and_goes_with_its_branch(
    program: Container, repository: Repository, arm: ArmState
) -> None:
    stand_before(program)
    repository.commit(BRANCH, {"note": b"a branch"}, "begin")
    hand_over(program)

    assert isinstance(settle(program), Done)
    assert list(arm.credentials["rg-coppice/id-feature-1"]) == [OLDER]
    kept = f"/api/v1/namespaces/{NAMESPACE}/configmaps/by-the-former-pipeline"
    assert program.provisioning_api.get(kept)

    repository.delete(BRANCH)
    assert isinstance(settle(program), Done)
    assert arm.credentials["rg-coppice/id-feature-1"] == {}
