"""The admission policy: what one environment may contain.

It holds everything that depends on settings. So a verdict about a commit stays valid until the settings
change.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from coppice.manifests.fields import Fields


@dataclass(frozen=True, kw_only=True)
class AdmissionPolicy:
    """Everything that the checks read besides the manifests.

    Attributes:
        namespace: the environment's namespace.
        allowed_kinds: `group/Kind`, or `Kind` for the core group; setting `ALLOWED_KINDS`.
        hosts: the hosts that its routes may claim.
        gateways: `namespace/name` of the gateways that its routes may attach to; setting `GATEWAYS`.
        key_vaults: names of the vaults that it may read; setting `KEY_VAULTS`.
        key_vault_objects: globs of what it may read there; setting `KEY_VAULT_OBJECTS`.
        database_secret: the Secret with its database's login (`DATABASE_SECRET`); empty if there is none.
        egress: the egress rules of its fence; `None` if the fence does not restrict egress.
        node_labels: the labels of setting `NODE_SELECTOR`.
        tolerations: the tolerations of setting `TOLERATIONS`, in the form of a pod's spec.
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
"""A family of rules: yields the reasons to refuse an object; raises `Malformed` for an unreadable field."""
