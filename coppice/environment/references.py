"""References that records hold to resources of an environment: just enough to find the resource again."""

from dataclasses import dataclass, field
from enum import StrEnum


class SharedName(StrEnum):
    """The names of the two shared monitoring ConfigMaps in kube-system."""

    JOBS = "ama-metrics-prometheus-config"
    SETTINGS = "ama-metrics-settings-configmap"


@dataclass(frozen=True, order=True, slots=True)
class ObjectRef:
    """A reference to an object of an environment's namespace.

    Two references are equal if kind, name and API group are. The version does not count: the API server
    serves an object under all versions of its group, so deleting it under one version deletes it under all.

    Args:
        api_version: the API version that the object was written in, one way to reach it.
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


@dataclass(frozen=True, order=True, slots=True)
class CredentialRef:
    """A reference to a federated credential; `identity` is `resourceGroup/identityName`."""

    identity: str
    name: str
