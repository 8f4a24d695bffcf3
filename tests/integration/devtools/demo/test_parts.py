"""The demo's checks of an environment's parts fail if a part is missing or wrong."""

import io
from collections.abc import Iterator

import httpx
import pytest

from devtools.demo.assertions import UnexpectedStateError
from devtools.demo.console import Console
from devtools.demo.parts import show_parts
from devtools.demo.probes import Probes
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import example_world
from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.serving import serving

FIRST, SECOND = "rg-coppice/id-feature-1", "rg-coppice/id-feature-2"
CLASSES = "/apis/secrets-store.csi.x-k8s.io/v1/namespaces/feature-x/secretproviderclasses"


@pytest.fixture
def probes() -> Iterator[Probes]:
    """Probes of a cluster with an environment's namespace, and of Azure."""
    with (
        serving(kubernetes_app()) as cluster,
        serving(arm_app(ArmState(world=example_world(), write_seconds=0))) as arm,
        httpx.Client(base_url=cluster) as cluster_client,
        httpx.Client(base_url=arm) as arm_client,
    ):
        cluster_client.post("/api/v1/namespaces", json={"metadata": {"name": "feature-x"}}).raise_for_status()
        yield Probes(cluster=cluster_client, arm=arm_client)


def apply(probes: Probes, client_id: str) -> None:
    """Apply a SecretProviderClass, as the program does."""
    manifest = {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {"name": "vault"},
        "spec": {"provider": "azure", "parameters": {"clientID": client_id}},
    }
    probes.cluster.patch(
        f"{CLASSES}/vault",
        params={"fieldManager": "coppice", "force": "true"},
        headers={"Content-Type": "application/apply-patch+yaml"},
        json=manifest,
    ).raise_for_status()


def failed_check(probes: Probes) -> str:
    """The expectation that is not met."""
    with pytest.raises(UnexpectedStateError) as caught:
        show_parts(probes, Console(out=io.StringIO()), "feature-x", identity=FIRST)
    return str(caught.value)


def test_an_environment_without_a_class_fails_the_check(probes: Probes) -> None:
    assert failed_check(probes) == "an environment has its secrets"


def test_a_class_of_another_identity_fails_the_check(probes: Probes) -> None:
    apply(probes, probes.client_id(SECOND))
    assert failed_check(probes) == "the vault is read as the credential's own identity"


def test_with_its_own_class_the_next_part_is_checked(probes: Probes) -> None:
    apply(probes, probes.client_id(FIRST))
    assert failed_check(probes) == "an environment has its monitors"
