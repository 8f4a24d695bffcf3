"""Where the pods of branch environments run: on nodes that are kept for them, the dev pool's say.

It is put into each pod's template, since no object of a namespace could say it for all of them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.pod_templates import pods

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_TOLERATION = re.compile(
    rf"(?P<key>([a-z0-9.-]{{1,253}}/)?{_NAME})(?P<equals>=(?P<value>({_NAME})?))?:(?P<effect>[A-Za-z]+)"
)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where pods run.

    Attributes:
        node_selector: the labels that a node must bear; setting `NODE_SELECTOR`.
        tolerations: the taints that pods put up with; setting `TOLERATIONS`.
    """

    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, str], ...]


def tolerations(text: str) -> tuple[Mapping[str, str], ...]:
    """Read tolerations as they are written in a setting.

    Args:
        text: `key=value:effect` or `key:effect` (whatever the value), separated by commas.

    Returns:
        The tolerations, as a pod states them.

    Raises:
        ValueError: one of them is none; names it.
    """
    return tuple(_toleration(part.strip()) for part in text.split(",") if part.strip())


def placed(manifests: Iterable[Manifest], placement: Placement) -> tuple[Manifest, ...]:
    """Place all pods that objects make.

    Args:
        manifests: any objects.
        placement: where their pods are to run. What an overlay says of the same label gives way to it; what
            it says of others stays, and both have to be true of a node.

    Returns:
        The same objects, each pod template with the node selector and the tolerations.
    """
    return tuple(_placed(each, placement) for each in manifests)


def _toleration(text: str) -> Mapping[str, str]:
    match = _TOLERATION.fullmatch(text)
    if match is None or match["effect"] not in _EFFECTS:
        raise ValueError(
            f"expected key=value:effect or key:effect, separated by commas, the effect one of "
            f"{', '.join(_EFFECTS)}; {text!r} is not"
        )
    if match["equals"]:
        return {
            "key": match["key"],
            "operator": "Equal",
            "value": match["value"],
            "effect": match["effect"],
        }
    return {"key": match["key"], "operator": "Exists", "effect": match["effect"]}


def _placed(manifest: Manifest, placement: Placement) -> Manifest:
    found = pods(manifest)
    return _changed(manifest, (*found.template, "spec"), placement) if found else manifest


def _changed(holder: Mapping[str, Any], path: tuple[str, ...], placement: Placement) -> Mapping[str, Any]:
    """A copy of the way to the pods' spec."""
    field, *rest = path
    inner = holder[field]
    return {
        **holder,
        field: _changed(inner, tuple(rest), placement) if rest else _pod(inner, placement),
    }


def _pod(spec: Mapping[str, Any], placement: Placement) -> Mapping[str, Any]:
    """What an overlay wrote in another shape than a pod has it stays, and the API server refuses it."""
    pod = dict(spec)
    selector, said = spec.get("nodeSelector") or {}, spec.get("tolerations") or []
    if placement.node_selector and isinstance(selector, Mapping):
        pod["nodeSelector"] = {**selector, **placement.node_selector}
    if placement.tolerations and isinstance(said, list):
        pod["tolerations"] = [*said, *(dict(each) for each in placement.tolerations if each not in said)]
    return pod
