"""Nodes, pods and PodDisruptionBudgets: what decides whether an agent pool can be scaled to zero."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from adapters.kubernetes.client import Api
from adapters.kubernetes.paths import path
from scheduler.nodes import Budget, Node, Pod, Requirement, Taint, Toleration

_POOL_LABEL = "kubernetes.azure.com/agentpool"
_OLD_POOL_LABEL = "agentpool"
_MIRROR_ANNOTATION = "kubernetes.io/config.mirror"


class NodeAdapter:
    """Reads nodes, pods and budgets.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def nodes(self) -> tuple[Node, ...]:
        """List all nodes.

        Returns:
            Every node of the cluster.

        Raises:
            Failure: the server refused, or did not answer.
        """
        return tuple(_node(each) for each in self._api.items(path("v1", "nodes")))

    def pods_on(self, nodes: Iterable[str]) -> tuple[Pod, ...]:
        """List the pods on some nodes, by one list of all pods of the cluster.

        Args:
            nodes: the nodes' names.

        Returns:
            Their pods, of all namespaces.

        Raises:
            Failure: the server refused, or did not answer.
        """
        names = set(nodes)
        if not names:
            return ()
        return tuple(pod for pod in map(_pod, self._api.items(path("v1", "pods"))) if pod.node in names)

    def pods_in(self, namespaces: Iterable[str]) -> tuple[Pod, ...]:
        """List the pods of some namespaces; one list for each.

        Args:
            namespaces: the namespaces.

        Returns:
            Their pods, on all nodes.

        Raises:
            Failure: the server refused, or did not answer.
        """
        return tuple(
            _pod(each) for name in namespaces for each in self._api.items(path("v1", "pods", namespace=name))
        )

    def budgets(self, namespaces: Iterable[str]) -> tuple[Budget, ...]:
        """List the PodDisruptionBudgets of some namespaces; one list for each.

        Args:
            namespaces: the namespaces.

        Returns:
            Their budgets.

        Raises:
            Failure: the server refused, or did not answer.
        """
        return tuple(
            _budget(each)
            for name in sorted(namespaces)
            for each in self._api.items(path("policy/v1", "poddisruptionbudgets", namespace=name))
        )


def _node(document: Mapping[str, Any]) -> Node:
    labels = document["metadata"].get("labels") or {}
    spec, conditions = document.get("spec") or {}, (document.get("status") or {}).get("conditions") or ()
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return Node(
        name=document["metadata"]["name"],
        pool=labels.get(_POOL_LABEL) or labels.get(_OLD_POOL_LABEL, ""),
        ready=ready and not spec.get("unschedulable"),
        running=ready,
        labels=labels,
        taints=tuple(
            Taint(each["key"], each.get("value", ""), each["effect"]) for each in spec.get("taints") or ()
        ),
    )


def _pod(document: Mapping[str, Any]) -> Pod:
    metadata, spec, status = document["metadata"], document.get("spec") or {}, document.get("status") or {}
    owners = {each.get("kind") for each in metadata.get("ownerReferences") or ()}
    conditions = status.get("conditions") or ()
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        node=spec.get("nodeName", ""),
        phase=status.get("phase", "Pending"),
        ready=any(each["type"] == "Ready" and each["status"] == "True" for each in conditions),
        node_bound="DaemonSet" in owners or _MIRROR_ANNOTATION in (metadata.get("annotations") or {}),
        labels=metadata.get("labels") or {},
        node_terms=tuple(_terms(spec)),
        tolerations=tuple(
            Toleration(
                key=each.get("key", ""),
                operator=each.get("operator", "Equal"),
                value=each.get("value", ""),
                effect=each.get("effect", ""),
            )
            for each in spec.get("tolerations") or ()
        ),
    )


def _terms(spec: Mapping[str, Any]) -> Iterator[tuple[Requirement, ...]]:
    """The node selector terms of a pod: each term of its node affinity, joined with its node selector."""
    selector = tuple(
        Requirement(key, "In", (value,)) for key, value in (spec.get("nodeSelector") or {}).items()
    )
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    terms = affinity.get("nodeSelectorTerms") or ()
    if not terms and selector:
        yield selector
    for term in terms:
        # `matchFields` supports the node's name alone. No label meets it: such a pod cannot move.
        expressions = (*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ()))
        yield (*selector, *map(_requirement, expressions))


def _requirement(expression: Mapping[str, Any]) -> Requirement:
    return Requirement(expression["key"], expression["operator"], tuple(expression.get("values") or ()))


def _budget(document: Mapping[str, Any]) -> Budget:
    selector = (document.get("spec") or {}).get("selector") or {}
    labels = (Requirement(key, "In", (value,)) for key, value in (selector.get("matchLabels") or {}).items())
    return Budget(
        namespace=document["metadata"]["namespace"],
        name=document["metadata"]["name"],
        selector=(*labels, *map(_requirement, selector.get("matchExpressions") or ())),
        disruptions_allowed=(document.get("status") or {}).get("disruptionsAllowed", 0),
    )
