"""What the guard may let through in one environment.

All that depends on settings is in here and nowhere else, so that a verdict holds for as long as they do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from coppice.manifests.fields import Fields


@dataclass(frozen=True, kw_only=True)
class AdmissionPolicy:
    """What one environment's overlay is judged by: everything that admission reads besides the manifests.

    Attributes:
        namespace: the environment's own.
        allowed_kinds: `group/Kind`, or `Kind` for the core group; setting `ALLOWED_KINDS`.
        hosts: the hosts that its routes may claim.
        gateways: `namespace/name` of the gateways that its routes may attach to; setting `GATEWAYS`.
        key_vaults: names of the vaults that it may read; setting `KEY_VAULTS`.
        key_vault_objects: globs of what it may read there; setting `KEY_VAULT_OBJECTS`.
        database_secret: the Secret that its database's login is delivered in, setting `DATABASE_SECRET`;
            empty if it has no database.
        egress: the egress rules of its fence; `None` if that does not hold back its pods.
        node_labels: the labels by which setting `NODE_SELECTOR` chooses nodes.
        tolerations: the taints that setting `TOLERATIONS` lets its pods put up with, as a pod states them.
    """

    namespace: str
    allowed_kinds: frozenset[str]
    hosts: frozenset[str]
    gateways: frozenset[str]
    key_vaults: frozenset[str]
    key_vault_objects: frozenset[str]
    database_secret: str = ""
    egress: tuple[Fields, ...] | None = None
    node_labels: frozenset[str] = frozenset()
    tolerations: tuple[Fields, ...] = ()


Family: TypeAlias = Callable[[Fields, AdmissionPolicy], Iterator[str]]
"""A family of rules: the reasons to refuse an object. It raises `Malformed` over what it cannot read."""
