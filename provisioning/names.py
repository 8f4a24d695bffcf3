"""Refuses names, labels and keys that the API server does not accept, before the first write.

Otherwise the API server could refuse an object after the first half of an overlay has been applied.

The rules are those of https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and
https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/core/validation/validation.go.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.fields import (
    Fields,
    Malformed,
    display_name,
    kind_id,
    mapping,
    mappings,
    name_of,
    quote,
    string,
)
from coppice.manifests.pod_templates import pod_spec, pods
from coppice.manifests.rejection import Refusal

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*", re.ASCII)
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)
_PORT = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_DATA_KEY = re.compile(r"(?!\.\.)[-._a-zA-Z0-9]+", re.ASCII)
_MAX_LABEL, _MAX_SUBDOMAIN, _MAX_PORT = 63, 253, 15
# Controllers derive names and labels of other objects from the names of these kinds.
_MAX_LENGTHS = {"Service": 63, "batch/Job": 63, "batch/CronJob": 52, "apps/StatefulSet": 52}
_WITH_SELECTOR = {"apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "apps/ReplicaSet"}
_MANAGED_BY = "app.kubernetes.io/managed-by"


def refusals(manifests: Sequence[Manifest]) -> tuple[Refusal, ...]:
    """Find names that the API server does not accept.

    Args:
        manifests: the objects that kustomize built and `check_objects` has not refused.

    Returns:
        Every reason found.
    """
    return tuple(Refusal(display_name(each), reason) for each in manifests for reason in _reasons(each))


def _reasons(manifest: Manifest) -> Iterator[str]:
    try:
        yield from _name(manifest)
        yield from _labels(manifest)
        yield from _selector(manifest)
        if kind_id(manifest) in {"ConfigMap", "Secret"}:
            for field in ("data", "binaryData", "stringData"):
                yield from _data_keys(mapping(manifest, field), field)
        if pods(manifest):
            claims = mappings(mapping(manifest, "spec"), "volumeClaimTemplates")
            yield from _pod(pod_spec(manifest), {name_of(each) for each in claims})
        if kind_id(manifest) == "Service":
            yield from _ports(mappings(mapping(manifest, "spec"), "ports"), "spec.ports", _LABEL, 63)
    except Malformed as error:
        yield str(error)


def _name(manifest: Manifest) -> Iterator[str]:
    name, kind = name_of(manifest), kind_id(manifest)
    max_length = _MAX_LENGTHS.get(kind, _MAX_SUBDOMAIN)
    pattern = _LABEL if kind in {"Service", "Namespace"} else _SUBDOMAIN
    if not pattern.fullmatch(name):
        expected = (
            "DNS label: lower-case letters, digits and '-'"
            if pattern is _LABEL
            else "DNS name: lower-case letters, digits, '-' and '.'"
        )
        yield f"metadata.name: {quote(name)} is no {expected}, a letter or digit first and last of each part"
    elif len(name) > max_length:
        yield f"metadata.name has {len(name)} characters, and a {manifest['kind']}'s may have {max_length}"


def _labels(manifest: Manifest) -> Iterator[str]:
    """Check labels of the object and of what it creates, selectors, and the keys of annotations."""
    is_service = kind_id(manifest) == "Service"
    pending: list[tuple[str, Any]] = [("", manifest)]
    while pending:
        parent, value = pending.pop()
        if isinstance(value, list):
            pending += [(f"{parent}[{number}]", each) for number, each in enumerate(value)]
        if not isinstance(value, dict):
            continue
        for key, inner in value.items():
            path = f"{parent}.{key}" if parent else str(key)
            pending.append((path, inner))
            in_metadata = parent.rpartition(".")[2] == "metadata"
            selects = key in {"matchLabels", "nodeSelector"} or (is_service and path == "spec.selector")
            if isinstance(inner, dict) and ((in_metadata and key == "labels") or selects):
                yield from _label_map(inner, path)
            if isinstance(inner, dict) and in_metadata and key == "annotations":
                for annotation in inner:
                    if reason := _key_reason(str(annotation), lower=True):
                        yield f"{path}: {reason}"


def _label_map(labels: Fields, path: str) -> Iterator[str]:
    for key, value in labels.items():
        if reason := _key_reason(key):
            yield f"{path}: {reason}"
        if not isinstance(value, str):
            yield f"{path}.{key} must be a string; put it in quotes"
        elif value and not (_QUALIFIED.fullmatch(value) and len(value) <= _MAX_LABEL):
            hint = ""
            if key == _MANAGED_BY and value.startswith("kustomize-"):
                hint = "; kustomize sets it for `buildMetadata: [managedByLabel]`, so leave that out"
            yield (
                f"{path}.{key}: {quote(value)} is no label value: at most {_MAX_LABEL} letters, digits, "
                f"'-', '_' and '.', a letter or digit first and last{hint}"
            )


def _key_reason(key: str, *, lower: bool = False) -> str:
    """Why the key of a label or annotation is invalid; empty if it is valid.

    Args:
        key: the key.
        lower: whether to check it in lower case, as the API server does for annotations.
    """
    prefix, slash, name = (key.lower() if lower else key).rpartition("/")
    valid = _QUALIFIED.fullmatch(name) and len(name) <= _MAX_LABEL
    if slash:
        valid = valid and _SUBDOMAIN.fullmatch(prefix) and len(prefix) <= _MAX_SUBDOMAIN
    return (
        ""
        if valid
        else f"{quote(key)} is no key: `name` or `a.dns.name/name`; `name` is at most 63 letters, digits, "
        "'-', '_' and '.', a letter or digit first and last"
    )


def _selector(manifest: Manifest) -> Iterator[str]:
    if kind_id(manifest) not in _WITH_SELECTOR:
        return
    match_labels = mapping(manifest, "spec", "selector", "matchLabels")
    if not mapping(manifest, "spec", "selector"):
        yield "spec.selector is missing"
    labels = mapping(manifest, "spec", "template", "metadata", "labels")
    if missing := [f"{key}={value}" for key, value in match_labels.items() if labels.get(key) != value]:
        yield f"spec.selector asks for the label {missing[0]}, which spec.template does not give its pods"


def _data_keys(data: Fields, field: str) -> Iterator[str]:
    for key in data:
        if not _DATA_KEY.fullmatch(key) or key == "." or len(key) > _MAX_SUBDOMAIN:
            yield (
                f"{field}: {quote(key)} is no key: at most {_MAX_SUBDOMAIN} letters, digits, '-', '_' "
                "and '.', and it is not '.' and does not begin with '..'"
            )


def _pod(spec: Fields, claims: set[str]) -> Iterator[str]:
    volumes = mappings(spec, "volumes")
    yield from _item_names(volumes, "volumes", _LABEL, _MAX_LABEL)
    containers = [*mappings(spec, "initContainers"), *mappings(spec, "containers")]
    yield from _item_names(containers, "containers", _LABEL, _MAX_LABEL)
    volume_names = claims | {string(each, "name") for each in volumes}
    for container in containers:
        name = string(container, "name")
        if not string(container, "image"):
            yield f"container {name} names no image"
        yield from _ports(mappings(container, "ports"), f"ports of container {name}", _PORT, _MAX_PORT)
        for each in mappings(container, "env"):
            if not string(each, "name") or "=" in string(each, "name"):
                yield f"env of container {name}: {quote(string(each, 'name'))} is no name of a variable"
        for each in mappings(container, "volumeMounts"):
            if (volume := string(each, "name")) not in volume_names:
                yield f"container {name} mounts the volume {quote(volume)}, which its pod does not have"


def _ports(ports: Sequence[Fields], field: str, pattern: re.Pattern[str], max_length: int) -> Iterator[str]:
    named = [each for each in ports if string(each, "name")]
    yield from _item_names(named, field, pattern, max_length)
    if field == "spec.ports" and len(ports) > 1 and len(named) < len(ports):
        yield f"{field}: with more than one, each needs a name"


def _item_names(
    items: Sequence[Fields], field: str, pattern: re.Pattern[str], max_length: int
) -> Iterator[str]:
    names = [string(each, "name") for each in items]
    for name in dict.fromkeys(names):
        if not pattern.fullmatch(name) or len(name) > max_length:
            addition = "; a letter among them, and no '--'" if pattern is _PORT else ""
            yield (
                f"{field}: {quote(name)} is no name: at most {max_length} lower-case letters, digits and "
                f"'-', a letter or digit first and last{addition}"
            )
        elif names.count(name) > 1:
            yield f"{field}: {quote(name)} is there more than once"
