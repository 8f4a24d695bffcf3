"""References to things of an environment, as records hold them: enough to find one again, and no more."""

from dataclasses import dataclass, field
from enum import StrEnum


class SharedName(StrEnum):
    """The two ConfigMaps of kube-system that a branch may have a part in."""

    JOBS = "ama-metrics-prometheus-config"
    SETTINGS = "ama-metrics-settings-configmap"


@dataclass(frozen=True, order=True)
class ObjectRef:
    """An object of an environment's namespace, whatever version it was written in: the API server serves one
    object under all versions of its group, and who deletes the older one deletes the newer one.

    Args:
        api_version: how it was written, which is one way to reach it, and no part of what it is.
        kind: its kind.
        name: its name.
    """

    api_version: str = field(compare=False)
    kind: str
    name: str
    group: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "group", self.api_version.rpartition("/")[0])

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, order=True)
class CredentialRef:
    """A federated credential by its place: `identity` is `resourceGroup/identityName`."""

    identity: str
    name: str
