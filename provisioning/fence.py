"""Renders the fence of an environment: a quota, default limits for containers, and network policies.

The templates are files that a team edits. Rendering replaces tokens by the networks of the settings, raises
the quota's counts to what the overlay needs, and puts each object into the environment's namespace.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coppice.components.application import Manifest
from provisioning.quota import required_counts, with_raised_counts

NAME_PREFIX = "coppice-"
"""The prefix of the names of a fence's objects; no overlay may use it."""

API_VERSIONS = {"ResourceQuota": "v1", "LimitRange": "v1", "NetworkPolicy": "networking.k8s.io/v1"}
"""The kinds that a fence may contain → their API versions."""

TOKENS = ("GATEWAY_CIDRS", "DATABASE_CIDRS", "PRIVATE_CIDRS")
"""What a policy may hold in place of a CIDR: the name of a setting, which is replaced by its networks."""

PEER_FIELDS = {"ingress": "from", "egress": "to"}
"""Direction → the field of its rules that holds the peers."""

_Fields = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class FenceConfig:
    """What the fences of all environments have in common.

    Attributes:
        templates: the objects of the team's files, in the folder that setting `FENCE` names.
        gateway: the CIDRs that the gateway sends from; setting `GATEWAY_CIDRS`.
        database: the CIDRs of the database server; setting `DATABASE_CIDRS`.
        private: private CIDRs that environments may reach; setting `PRIVATE_CIDRS`.
        delivered: names of Secrets that this program writes into an environment; the quota admits them.
    """

    templates: tuple[Manifest, ...]
    gateway: tuple[str, ...] = ()
    database: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()

    @property
    def networks(self) -> Mapping[str, tuple[str, ...]]:
        """Token → the networks that replace it."""
        return dict(zip(TOKENS, (self.gateway, self.database, self.private), strict=True))


def fence(config: FenceConfig, namespace: str, overlay: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Render the fence of one environment.

    Args:
        config: what the fences of all environments have in common.
        namespace: the environment's namespace.
        overlay: the objects that will be applied in it, with the replicas that they have while it is awake.

    Returns:
        The objects to apply before those of the overlay.
    """
    own = tuple(_in_namespace(_without_tokens(each, config), namespace) for each in config.templates)
    required = required_counts((*overlay, *own), delivered=config.delivered)
    return tuple(
        with_raised_counts(each, required) if each["kind"] == "ResourceQuota" else each for each in own
    )


def egress(config: FenceConfig) -> tuple[_Fields, ...] | None:
    """Read the egress rules that the fence has for every pod.

    Args:
        config: what the fences of all environments have in common.

    Returns:
        The egress rules of the policies that select all pods; `None` if no such policy restricts egress.
    """
    policies = [each for each in config.templates if each["kind"] == "NetworkPolicy"]
    specs = [_without_tokens(each, config)["spec"] for each in policies]
    restricting = [spec for spec in specs if not spec["podSelector"] and "Egress" in spec["policyTypes"]]
    if not restricting:
        return None
    return tuple(rule for spec in restricting for rule in spec.get("egress") or ())


def _in_namespace(manifest: Manifest, namespace: str) -> Manifest:
    labels = {**(manifest["metadata"].get("labels") or {}), "app.kubernetes.io/managed-by": "coppice"}
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace, "labels": labels}}


def _without_tokens(manifest: Manifest, config: FenceConfig) -> Manifest:
    """Replace the tokens in a policy by networks."""
    if manifest["kind"] != "NetworkPolicy":
        return manifest
    spec = {
        field: list(_rules(value or (), PEER_FIELDS[field], config.networks))
        if field in PEER_FIELDS
        else value
        for field, value in manifest["spec"].items()
    }
    return {**manifest, "spec": spec}


def _rules(
    rules: Sequence[_Fields], field: str, networks: Mapping[str, tuple[str, ...]]
) -> Iterator[_Fields]:
    """Replace the tokens in rules. A rule without peers is dropped: an empty list would allow all traffic."""
    for rule in rules:
        if field not in rule:
            yield rule
        elif peers := [each for peer in rule[field] for each in _peers(peer, networks)]:
            yield {**rule, field: peers}


def _peers(peer: _Fields, networks: Mapping[str, tuple[str, ...]]) -> list[_Fields]:
    cidr = (peer.get("ipBlock") or {}).get("cidr", "")
    if cidr not in networks:
        return [peer]
    return [{"ipBlock": {"cidr": each}} for each in dict.fromkeys(networks[cidr])]
