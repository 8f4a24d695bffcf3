"""What the demo shows of an environment's parts is a proof only if each of them is there."""

import io
from collections.abc import Iterator

import httpx
import pytest

from devtools.demo.assertions import NotAsToldError
from devtools.demo.console import Teller
from devtools.demo.parts import show_parts
from devtools.demo.probes import Eyes
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import example_world
from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.serving import serving

FIRST, SECOND = "rg-coppice/id-feature-1", "rg-coppice/id-feature-2"
CLASSES = "/apis/secrets-store.csi.x-k8s.io/v1/namespaces/feature-x/secretproviderclasses"


@pytest.fixture
def eyes() -> Iterator[Eyes]:
    """Sees a cluster with an environment's namespace, and Azure."""
    with (
        serving(kubernetes_app()) as cluster,
        serving(arm_app(ArmState(world=example_world(), write_seconds=0))) as arm,
        httpx.Client(base_url=cluster) as cluster_client,
        httpx.Client(base_url=arm) as arm_client,
    ):
        cluster_client.post("/api/v1/namespaces", json={"metadata": {"name": "feature-x"}}).raise_for_status()
        yield Eyes(cluster=cluster_client, arm=arm_client)


def apply(eyes: Eyes, client_id: str) -> None:
    """Apply a class, as the program does."""
    manifest = {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {"name": "vault"},
        "spec": {"provider": "azure", "parameters": {"clientID": client_id}},
    }
    eyes.cluster.patch(
        f"{CLASSES}/vault",
        params={"fieldManager": "coppice", "force": "true"},
        headers={"Content-Type": "application/apply-patch+yaml"},
        json=manifest,
    ).raise_for_status()


def told(eyes: Eyes) -> str:
    """What is not as it should be."""
    with pytest.raises(NotAsToldError) as caught:
        show_parts(eyes, Teller(out=io.StringIO()), "feature-x", identity=FIRST)
    return str(caught.value)


def test_an_environment_without_a_class_is_not_as_told(eyes: Eyes) -> None:
    assert told(eyes) == "an environment has its secrets"


def test_a_class_of_another_identity_is_not_as_told(eyes: Eyes) -> None:
    apply(eyes, eyes.client_id(SECOND))
    assert told(eyes) == "the vault is read as the credential's own identity"


def test_with_its_own_class_the_next_part_is_looked_at(eyes: Eyes) -> None:
    apply(eyes, eyes.client_id(FIRST))
    assert told(eyes) == "an environment has its monitors"
