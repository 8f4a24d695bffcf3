"""The fence of an environment: a quota, defaults for containers that say nothing, network policies.

What it is made of are files that a team edits. Here networks from the settings take the place of their names,
counts get room for what the overlay holds, and each object is put into the environment's namespace.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coppice.components.application import Manifest
from provisioning.quota import needs, with_room

NAMES = "coppice-"
"""What the names of the fence's objects begin with; no overlay may use them."""

KINDS = {"ResourceQuota": "v1", "LimitRange": "v1", "NetworkPolicy": "networking.k8s.io/v1"}
"""The kinds that a fence is made of, and their API versions."""

TOKENS = ("GATEWAY_CIDRS", "DATABASE_CIDRS", "PRIVATE_CIDRS")
"""What may stand in a policy in place of a network: the settings of the same names."""

PEERS = {"ingress": "from", "egress": "to"}
"""Direction → the field of its rules that holds the peers."""

_Fields = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class FenceConfig:
    """What the fences of all environments have in common.

    Attributes:
        templates: the objects of the team's files, in the folder that setting `FENCE` names.
        gateway: the networks that the gateway comes from, CIDR; setting `GATEWAY_CIDRS`.
        database: the networks of the database server; setting `DATABASE_CIDRS`.
        private: private networks that environments may reach; setting `PRIVATE_CIDRS`.
        delivered: names of Secrets that this program puts into an environment, for the quota's sake.
    """

    templates: tuple[Manifest, ...]
    gateway: tuple[str, ...] = ()
    database: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()

    @property
    def networks(self) -> Mapping[str, tuple[str, ...]]:
        """Token → the networks that it stands for."""
        return dict(zip(TOKENS, (self.gateway, self.database, self.private), strict=True))


def fence(terms: FenceConfig, namespace: str, overlay: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Render the fence of one environment.

    Args:
        terms: what all fences have in common.
        namespace: the environment's.
        overlay: the objects that will be applied in it, as they are when it is awake.

    Returns:
        The objects to apply before any of the overlay's.
    """
    own = tuple(_placed(_expanded(each, terms), namespace) for each in terms.templates)
    needed = needs((*overlay, *own), delivered=terms.delivered)
    return tuple(with_room(each, needed) if each["kind"] == "ResourceQuota" else each for each in own)


def egress(terms: FenceConfig) -> tuple[_Fields, ...] | None:
    """Where the fence lets every pod go.

    Args:
        terms: what all fences have in common.

    Returns:
        The egress rules of its policies for all pods; `None` if it does not hold back pods at all.
    """
    specs = [_expanded(each, terms)["spec"] for each in terms.templates if each["kind"] == "NetworkPolicy"]
    closing = [spec for spec in specs if not spec["podSelector"] and "Egress" in spec["policyTypes"]]
    if not closing:
        return None
    return tuple(rule for spec in closing for rule in spec.get("egress") or ())


def _placed(manifest: Manifest, namespace: str) -> Manifest:
    labels = {**(manifest["metadata"].get("labels") or {}), "app.kubernetes.io/managed-by": "coppice"}
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace, "labels": labels}}


def _expanded(manifest: Manifest, terms: FenceConfig) -> Manifest:
    """A policy with networks in place of their names."""
    if manifest["kind"] != "NetworkPolicy":
        return manifest
    spec = {
        field: list(_rules(value or (), PEERS[field], terms.networks)) if field in PEERS else value
        for field, value in manifest["spec"].items()
    }
    return {**manifest, "spec": spec}


def _rules(
    rules: Sequence[_Fields], peers: str, networks: Mapping[str, tuple[str, ...]]
) -> Iterator[_Fields]:
    """A rule that is left without peers is left out: one with an empty list would let everybody through."""
    for rule in rules:
        if peers not in rule:
            yield rule
        elif found := [each for peer in rule[peers] for each in _peers(peer, networks)]:
            yield {**rule, peers: found}


def _peers(peer: _Fields, networks: Mapping[str, tuple[str, ...]]) -> list[_Fields]:
    cidr = (peer.get("ipBlock") or {}).get("cidr", "")
    if cidr not in networks:
        return [peer]
    return [{"ipBlock": {"cidr": each}} for each in dict.fromkeys(networks[cidr])]
