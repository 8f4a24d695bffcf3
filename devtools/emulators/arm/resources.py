"""What the emulator of ARM stores: credentials, operations, and the key of an identity."""

from dataclasses import dataclass

from devtools.emulators.arm.world import Identity

Json = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A federated identity credential."""

    name: str
    issuer: str
    subject: str
    audiences: tuple[str, ...]


@dataclass(kw_only=True)
class Operation:
    """A change of an agent pool that takes a while; times are seconds of the state's clock.

    Its identifier is the pool's new `eTag`. If the pool's nodes are not ready at `ends`, it ends later.
    """

    identifier: str
    pool: str
    started: float
    ends: float


def key(identity: Identity) -> str:
    """Return the key of an identity: `resourceGroup/name`, case-folded."""
    return f"{identity.resource_group}/{identity.name}".casefold()
