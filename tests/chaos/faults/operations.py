"""The four operations, each with the state that it begins in."""

from collections.abc import Callable
from dataclasses import dataclass

from coppice.environment.naming import Prefixes, name
from tests.chaos.faults.laboratory import MESSAGE, SWEEP, Laboratory

# These names cannot be derived from the names of their namespaces.
BRANCH, FORGOTTEN = "Fix/Pay", "Old/Idea"
NEIGHBOUR = "feature/pay"
_PREFIXES = Prefixes(namespace="feature-", credential="coppice-", database="feature_")
NAMESPACE, FORGOTTEN_NAMESPACE = (
    name(each, prefixes=_PREFIXES, base_domain="example.test").namespace for each in (BRANCH, FORGOTTEN)
)
OURS = (NAMESPACE, FORGOTTEN_NAMESPACE)


def _provision(lab: Laboratory, *branches: str) -> None:
    """Give branches their environments."""
    for each in branches:
        lab.world.push(each, lab.world.first)
        lab.queue_key(each)
    lab.drain()
    lab.end_process()


def _provisioning(lab: Laboratory) -> None:
    _provision(lab, NEIGHBOUR)
    lab.world.push(BRANCH, lab.world.first)
    lab.queue_key(BRANCH)


def _update(lab: Laboratory) -> None:
    _provision(lab, NEIGHBOUR, BRANCH)
    by_hand = {"metadata": {"name": "by-hand"}, "data": {"a": "b"}}
    lab.world.created(f"/api/v1/namespaces/{NAMESPACE}/configmaps", by_hand)
    # One service account is removed, and one of another identity pool is added: so a credential is removed,
    # and one is created on another identity.
    lab.settings = lab.world.settings(SERVICE_ACCOUNTS="api,worker=jobs")
    _provision(lab, NEIGHBOUR)
    lab.world.push(BRANCH, lab.world.second)
    lab.queue_key(BRANCH)


def _deprovisioning(lab: Laboratory) -> None:
    _provision(lab, NEIGHBOUR, BRANCH)
    lab.world.delete(BRANCH)
    lab.queue_key(BRANCH)


def _sweep(lab: Laboratory) -> None:
    _provision(lab, NEIGHBOUR, FORGOTTEN)
    lab.world.delete(FORGOTTEN)
    lab.world.push(BRANCH, lab.world.first)


def begin_with_one_orphan(lab: Laboratory) -> None:
    """Make three environments, and delete the branch of one without a webhook."""
    _provision(lab, NEIGHBOUR, BRANCH, FORGOTTEN)
    lab.world.delete(FORGOTTEN)


@dataclass(frozen=True)
class Operation:
    """An operation.

    Attributes:
        name: its name.
        begin: makes the state and the settings that it begins with.
        stimulus: what triggers it.
    """

    name: str
    begin: Callable[[Laboratory], None]
    stimulus: str = MESSAGE


OPERATIONS = (
    Operation("provisioning", _provisioning),
    Operation("update", _update),
    Operation("deprovisioning", _deprovisioning),
    Operation("sweep", _sweep, SWEEP),
)
