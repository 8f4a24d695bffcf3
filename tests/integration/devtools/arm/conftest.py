"""The emulator of ARM in this process, and the real SDKs pointed at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.msi import ManagedServiceIdentityClient

from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.nodes import sync_nodes
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import example_world
from devtools.emulators.emulator import Emulator
from devtools.emulators.serving import serving
from tests.integration.devtools.arm.nodes import Cluster, playing, waits


class NoCredential:
    """The SDKs want one; with their authentication policy replaced they never ask it."""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        raise AssertionError(f"a token was asked for: {scopes}")


@dataclass(kw_only=True)
class Clock:
    now: float = 1_750_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, kw_only=True)
class Arm:
    state: ArmState
    clock: Clock
    emulator: Emulator
    url: str
    msi: ManagedServiceIdentityClient
    aks: ContainerServiceClient


@pytest.fixture
def arm() -> Iterator[Arm]:
    clock = Clock()
    state = ArmState(world=example_world(), clock=clock, write_seconds=0.0)
    emulator = arm_app(state)
    with serving(emulator) as url:
        options: dict[str, Any] = {
            "base_url": url,
            "authentication_policy": SansIOHTTPPolicy(),
            "retry_total": 0,
        }
        subscription = state.world.subscription
        with (
            ManagedServiceIdentityClient(NoCredential(), subscription, **options) as msi,
            ContainerServiceClient(NoCredential(), subscription, **options) as aks,
        ):
            yield Arm(state=state, clock=clock, emulator=emulator, url=url, msi=msi, aks=aks)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster to keep the nodes of pools in."""
    with playing() as cluster:
        yield cluster


@pytest.fixture
def kept(arm: Any, cluster: Cluster) -> Any:
    """Return ARM, whose pools have all their nodes, ready; from here on each look is the test's."""
    arm.state.keeps_nodes = True
    sync_nodes(arm.state, cluster.api)
    cluster.make_ready()
    sync_nodes(arm.state, cluster.api)
    assert waits(arm) == {}
    return arm
