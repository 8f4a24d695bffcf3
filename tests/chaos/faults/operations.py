"""The four operations, each with the world that it begins in."""

from collections.abc import Callable
from dataclasses import dataclass

from coppice.environment.naming import Prefixes, name
from tests.chaos.faults.laboratory import MESSAGE, SWEEP, Laboratory

# No name that a namespace can be read back into: what is lost of it, nobody guesses.
BRANCH, FORGOTTEN = "Fix/Pay", "Old/Idea"
NEIGHBOUR = "feature/pay"
_PREFIXES = Prefixes(namespace="feature-", credential="coppice-", database="feature_")
NAMESPACE, FORGOTTENS = (
    name(each, prefixes=_PREFIXES, base_domain="example.test").namespace for each in (BRANCH, FORGOTTEN)
)
OURS = (NAMESPACE, FORGOTTENS)


def _stand(lab: Laboratory, *branches: str) -> None:
    """Bring branches their environments."""
    for each in branches:
        lab.world.push(each, lab.world.first)
        lab.tell(each)
    lab.drain()
    lab.leave()


def _provisioning(lab: Laboratory) -> None:
    _stand(lab, NEIGHBOUR)
    lab.world.push(BRANCH, lab.world.first)
    lab.tell(BRANCH)


def _update(lab: Laboratory) -> None:
    _stand(lab, NEIGHBOUR, BRANCH)
    by_hand = {"metadata": {"name": "by-hand"}, "data": {"a": "b"}}
    lab.world.made(f"/api/v1/namespaces/{NAMESPACE}/configmaps", by_hand)
    # An account less, and one more from another pool: a credential goes, and one comes on another identity.
    lab.settings = lab.world.settings(SERVICE_ACCOUNTS="api,worker=jobs")
    _stand(lab, NEIGHBOUR)
    lab.world.push(BRANCH, lab.world.second)
    lab.tell(BRANCH)


def _deprovisioning(lab: Laboratory) -> None:
    _stand(lab, NEIGHBOUR, BRANCH)
    lab.world.delete(BRANCH)
    lab.tell(BRANCH)


def _sweep(lab: Laboratory) -> None:
    _stand(lab, NEIGHBOUR, FORGOTTEN)
    lab.world.delete(FORGOTTEN)
    lab.world.push(BRANCH, lab.world.first)


def stand_with_one_forgotten(lab: Laboratory) -> None:
    """Three environments stand, and of one the branch is gone; nobody was told."""
    _stand(lab, NEIGHBOUR, BRANCH, FORGOTTEN)
    lab.world.delete(FORGOTTEN)


@dataclass(frozen=True)
class Operation:
    """An operation.

    Attributes:
        name: what it is called.
        begin: makes the world and the settings that it begins with.
        stimulus: what sets it off.
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
