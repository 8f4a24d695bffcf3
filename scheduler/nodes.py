"""Nodes, pods and PodDisruptionBudgets, as far as they decide whether a pool can go.

Where a pod may run is decided as the cluster's scheduler does it, by its node selector, its required node
affinity and its tolerations: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Requirement:
    """A condition on labels, as in `matchExpressions`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it; an operator that is not known is met by none."""
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case "Gt" | "Lt" if value is not None and len(self.values) == 1:
                try:
                    difference = int(value) - int(self.values[0])
                except ValueError:
                    return False
                return difference > 0 if self.operator == "Gt" else difference < 0
            case _:
                return False


@dataclass(frozen=True)
class Taint:
    """A node's taint."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True)
class Toleration:
    """A pod's toleration; an empty key or effect means every one."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    def covers(self, taint: Taint) -> bool:
        """Whether it tolerates a taint."""
        if self.effect not in {"", taint.effect}:
            return False
        if self.operator == "Exists":
            return self.key in {"", taint.key}
        return (self.key, self.value) == (taint.key, taint.value)


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node.

    Args:
        name: its name.
        pool: its agent pool, empty if its labels name none.
        ready: whether it takes pods: it is well, and not cordoned.
        labels: its labels.
        taints: its taints.
        runs: whether its machine says that it is well, cordoned or not.
    """

    name: str
    pool: str
    ready: bool
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    runs: bool = True


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod.

    Args:
        namespace: its namespace.
        name: its name.
        node: the node it is bound to; empty if none.
        phase: its phase.
        ready: whether its condition Ready is true.
        tied: whether it belongs to its node: a DaemonSet's, or a mirror of a static pod.
        labels: its labels.
        nodes: where it may run: one of these sets of requirements; empty for anywhere.
        tolerations: the taints it tolerates.
    """

    namespace: str
    name: str
    node: str
    phase: str = "Running"
    ready: bool = True
    tied: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    nodes: tuple[tuple[Requirement, ...], ...] = ()
    tolerations: tuple[Toleration, ...] = ()

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def counts(self) -> bool:
        """Whether it keeps its node busy: finished pods and those that belong to a node do not."""
        return not self.tied and self.phase not in {"Succeeded", "Failed"}

    def fits(self, node: Node) -> bool:
        """Whether a node may take it, as far as labels and taints say; room is not asked for."""
        chosen = not self.nodes or any(all(each.holds(node.labels) for each in term) for term in self.nodes)
        repelling = [taint for taint in node.taints if taint.effect in {"NoSchedule", "NoExecute"}]
        return (
            node.ready
            and chosen
            and all(any(t.covers(taint) for t in self.tolerations) for taint in repelling)
        )


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A PodDisruptionBudget; `allowed` is how many pods of its own may be evicted now."""

    namespace: str
    name: str
    selector: tuple[Requirement, ...]
    allowed: int

    def __str__(self) -> str:
        return f"PodDisruptionBudget {self.namespace}/{self.name}"

    def holds(self, pod: Pod) -> bool:
        """Whether it keeps a pod from being evicted."""
        ours = pod.namespace == self.namespace and all(each.holds(pod.labels) for each in self.selector)
        return ours and self.allowed < 1


class ClusterReader(Protocol):
    """Reads nodes, pods and budgets."""

    def nodes(self) -> tuple[Node, ...]:
        """Every node; one list."""

    def pods_on(self, nodes: Iterable[str]) -> tuple[Pod, ...]:
        """The pods that are bound to some nodes, of every namespace."""

    def pods_in(self, namespaces: Iterable[str]) -> tuple[Pod, ...]:
        """The pods of some namespaces, wherever they run."""

    def budgets(self, namespaces: Iterable[str]) -> tuple[Budget, ...]:
        """The budgets of some namespaces."""
