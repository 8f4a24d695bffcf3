"""Nodes, pods and PodDisruptionBudgets, as far as they decide whether a pool can be scaled down.

Whether a node may take a pod is decided as by kube-scheduler, from the pod's node selector, required node
affinity and tolerations: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Requirement:
    """A label selector requirement, as in `matchExpressions`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet the requirement. No labels meet an unknown operator."""
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
    """A pod's toleration. An empty key or effect matches all."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    def tolerates(self, taint: Taint) -> bool:
        """Whether the toleration tolerates a taint."""
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
        pool: its agent pool; empty if its labels name none.
        ready: whether it takes pods: its condition Ready is true, and it is not cordoned.
        labels: its labels.
        taints: its taints.
        running: whether its condition Ready is true, cordoned or not.
    """

    name: str
    pool: str
    ready: bool
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    running: bool = True


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod.

    Args:
        namespace: its namespace.
        name: its name.
        node: the node to which it is bound; empty if none.
        phase: its phase.
        ready: whether its condition Ready is true.
        node_bound: whether it belongs to its node: a DaemonSet's pod, or the mirror pod of a static one.
        labels: its labels.
        node_terms: its node selector terms, of which a node has to meet one; empty for any node.
        tolerations: its tolerations.
    """

    namespace: str
    name: str
    node: str
    phase: str = "Running"
    ready: bool = True
    node_bound: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    node_terms: tuple[tuple[Requirement, ...], ...] = ()
    tolerations: tuple[Toleration, ...] = ()

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def occupies_node(self) -> bool:
        """Whether the pod needs its node: finished pods, and those that belong to the node, do not."""
        return not self.node_bound and self.phase not in {"Succeeded", "Failed"}

    def fits(self, node: Node) -> bool:
        """Whether a node may take the pod, by labels and taints. Free capacity is not considered."""
        selected = not self.node_terms or any(
            all(each.matches(node.labels) for each in term) for term in self.node_terms
        )
        repelling = [taint for taint in node.taints if taint.effect in {"NoSchedule", "NoExecute"}]
        return (
            node.ready
            and selected
            and all(any(t.tolerates(taint) for t in self.tolerations) for taint in repelling)
        )


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A PodDisruptionBudget. `disruptions_allowed` is how many of its pods may be evicted now."""

    namespace: str
    name: str
    selector: tuple[Requirement, ...]
    disruptions_allowed: int

    def __str__(self) -> str:
        return f"PodDisruptionBudget {self.namespace}/{self.name}"

    def blocks_eviction_of(self, pod: Pod) -> bool:
        """Whether the budget keeps a pod from being evicted."""
        selected = pod.namespace == self.namespace and all(each.matches(pod.labels) for each in self.selector)
        return selected and self.disruptions_allowed < 1


class ClusterReader(Protocol):
    """Reads nodes, pods and budgets."""

    def nodes(self) -> tuple[Node, ...]:
        """Read every node, with one list."""

    def pods_on(self, nodes: Iterable[str]) -> tuple[Pod, ...]:
        """Read the pods that are bound to these nodes, in every namespace."""

    def pods_in(self, namespaces: Iterable[str]) -> tuple[Pod, ...]:
        """Read the pods of these namespaces, on whichever node."""

    def budgets(self, namespaces: Iterable[str]) -> tuple[Budget, ...]:
        """Read the budgets of these namespaces."""
