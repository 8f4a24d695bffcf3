"""Places the pods of branch environments on the nodes that are kept for them, such as those of the dev pool.

Node selector and tolerations go into each pod template, because no object sets them for a whole namespace.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.fields import edited
from coppice.manifests.pod_templates import pods

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_TOLERATION = re.compile(
    rf"(?P<key>([a-z0-9.-]{{1,253}}/)?{_NAME})(?P<equals>=(?P<value>({_NAME})?))?:(?P<effect>[A-Za-z]+)"
)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The nodes that pods run on.

    Attributes:
        node_selector: the labels that a node must have; setting `NODE_SELECTOR`.
        tolerations: the taints that pods tolerate; setting `TOLERATIONS`.
    """

    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, str], ...]


def tolerations(text: str) -> tuple[Mapping[str, str], ...]:
    """Parse the tolerations of a setting.

    Args:
        text: `key=value:effect` or `key:effect` (for any value), separated by commas.

    Returns:
        The tolerations in the form of a pod's spec.

    Raises:
        ValueError: one of them has another form; the message names it.
    """
    return tuple(_toleration(part.strip()) for part in text.split(",") if part.strip())


def with_placement(manifests: Iterable[Manifest], placement: Placement) -> tuple[Manifest, ...]:
    """Place the pods that objects create.

    Args:
        manifests: any objects.
        placement: the nodes for their pods. It overrides what an overlay says about the same label. Other
            labels of the overlay's own node selector stay, so a node must have all of them.

    Returns:
        The objects, each pod template with the node selector and the tolerations.
    """
    return tuple(_with_placement(each, placement) for each in manifests)


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


def _with_placement(manifest: Manifest, placement: Placement) -> Manifest:
    found = pods(manifest)
    if found is None:
        return manifest
    return edited(manifest, (*found.template, "spec"), lambda spec: _placed_spec(spec, placement))


def _placed_spec(spec: Mapping[str, Any], placement: Placement) -> Mapping[str, Any]:
    """A pod's spec with the placement. A field of the wrong type stays; the API server refuses it."""
    result = dict(spec)
    selector, existing = spec.get("nodeSelector") or {}, spec.get("tolerations") or []
    if placement.node_selector and isinstance(selector, Mapping):
        result["nodeSelector"] = {**selector, **placement.node_selector}
    if placement.tolerations and isinstance(existing, list):
        added = (dict(each) for each in placement.tolerations if each not in existing)
        result["tolerations"] = [*existing, *added]
    return result
