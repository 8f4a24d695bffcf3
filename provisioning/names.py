"""What an API server would refuse for its names, its labels or its keys, found before the first write: an
overlay of which it takes the first half leaves an environment that nobody asked for.

The rules are those of https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and
https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/core/validation/validation.go.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.fields import Fields, Malformed, kind_id, mapping, mappings, shown, string
from coppice.manifests.pod_templates import pods
from coppice.manifests.rejection import Refusal

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*", re.ASCII)
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)
_PORT = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_DATA_KEY = re.compile(r"(?!\.\.)[-._a-zA-Z0-9]+", re.ASCII)
_LONGEST_LABEL, _LONGEST_SUBDOMAIN, _LONGEST_PORT = 63, 253, 15
# The controllers make names and labels of these.
_LONGEST = {"Service": 63, "batch/Job": 63, "batch/CronJob": 52, "apps/StatefulSet": 52}
_SELECTING = {"apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "apps/ReplicaSet"}
_BY_KUSTOMIZE = "app.kubernetes.io/managed-by"


def called(manifest: Manifest) -> str:
    """An object, as refusals name it: `apps/Deployment web`."""
    return f"{kind_id(manifest)} {string(mapping(manifest, 'metadata'), 'name')}"


def refusals(manifests: Sequence[Manifest]) -> tuple[Refusal, ...]:
    """Look for names that an API server refuses.

    Args:
        manifests: what kustomize built, and `check_objects` let through.

    Returns:
        Every reason found.
    """
    return tuple(Refusal(called(each), reason) for each in manifests for reason in _reasons(each))


def _reasons(manifest: Manifest) -> Iterator[str]:
    try:
        yield from _name(manifest)
        yield from _labels(manifest)
        yield from _selected(manifest)
        if kind_id(manifest) in {"ConfigMap", "Secret"}:
            for field in ("data", "binaryData", "stringData"):
                yield from _keys(mapping(manifest, field), field)
        if made := pods(manifest):
            claims = mappings(mapping(manifest, "spec"), "volumeClaimTemplates")
            known = {string(mapping(each, "metadata"), "name") for each in claims}
            yield from _pod(mapping(manifest, *made.template, "spec"), known)
        if kind_id(manifest) == "Service":
            yield from _ports(mappings(mapping(manifest, "spec"), "ports"), "spec.ports", _LABEL, 63)
    except Malformed as error:
        yield str(error)


def _name(manifest: Manifest) -> Iterator[str]:
    name, kind = string(mapping(manifest, "metadata"), "name"), kind_id(manifest)
    longest = _LONGEST.get(kind, _LONGEST_SUBDOMAIN)
    pattern = _LABEL if kind in {"Service", "Namespace"} else _SUBDOMAIN
    if not pattern.fullmatch(name):
        what = (
            "DNS label: lower-case letters, digits and '-'"
            if pattern is _LABEL
            else ("DNS name: lower-case letters, digits, '-' and '.'")
        )
        yield f"metadata.name: {shown(name)} is no {what}, a letter or digit first and last of each part"
    elif len(name) > longest:
        yield f"metadata.name has {len(name)} characters, and a {manifest['kind']}'s may have {longest}"


def _labels(manifest: Manifest) -> Iterator[str]:
    """Labels of the object and of whatever it makes, selectors, and the keys of annotations."""
    of_service = kind_id(manifest) == "Service"
    waiting: list[tuple[str, Any]] = [("", manifest)]
    while waiting:
        field, value = waiting.pop()
        if isinstance(value, list):
            waiting += [(f"{field}[{number}]", each) for number, each in enumerate(value)]
        if not isinstance(value, dict):
            continue
        for key, inner in value.items():
            at = f"{field}.{key}" if field else str(key)
            waiting.append((at, inner))
            of_metadata = field.rpartition(".")[2] == "metadata"
            selects = key in {"matchLabels", "nodeSelector"} or (of_service and at == "spec.selector")
            if isinstance(inner, dict) and ((of_metadata and key == "labels") or selects):
                yield from _labelled(inner, at)
            if isinstance(inner, dict) and of_metadata and key == "annotations":
                yield from (f"{at}: {why}" for each in inner if (why := _qualified(str(each), lower=True)))


def _labelled(labels: Fields, at: str) -> Iterator[str]:
    for key, value in labels.items():
        if why := _qualified(key):
            yield f"{at}: {why}"
        if not isinstance(value, str):
            yield f"{at}.{key} must be a string; put it in quotes"
        elif value and not (_QUALIFIED.fullmatch(value) and len(value) <= _LONGEST_LABEL):
            hint = ""
            if key == _BY_KUSTOMIZE and value.startswith("kustomize-"):
                hint = "; kustomize sets it for `buildMetadata: [managedByLabel]`, so leave that out"
            yield (
                f"{at}.{key}: {shown(value)} is no label value: at most {_LONGEST_LABEL} letters, digits, "
                f"'-', '_' and '.', a letter or digit first and last{hint}"
            )


def _qualified(key: str, *, lower: bool = False) -> str:
    """What is wrong with the key of a label or annotation; the API server judges the latter in lower case."""
    prefix, slash, name = (key.lower() if lower else key).rpartition("/")
    right = _QUALIFIED.fullmatch(name) and len(name) <= _LONGEST_LABEL
    if slash:
        right = right and _SUBDOMAIN.fullmatch(prefix) and len(prefix) <= _LONGEST_SUBDOMAIN
    return (
        ""
        if right
        else f"{shown(key)} is no key: `name` or `a.dns.name/name`; `name` is at most 63 letters, digits, "
        "'-', '_' and '.', a letter or digit first and last"
    )


def _selected(manifest: Manifest) -> Iterator[str]:
    if kind_id(manifest) not in _SELECTING:
        return
    wanted = mapping(manifest, "spec", "selector", "matchLabels")
    if not mapping(manifest, "spec", "selector"):
        yield "spec.selector is missing"
    labels = mapping(manifest, "spec", "template", "metadata", "labels")
    if missing := [f"{key}={value}" for key, value in wanted.items() if labels.get(key) != value]:
        yield f"spec.selector asks for the label {missing[0]}, which spec.template does not give its pods"


def _keys(data: Fields, field: str) -> Iterator[str]:
    for key in data:
        if not _DATA_KEY.fullmatch(key) or key == "." or len(key) > _LONGEST_SUBDOMAIN:
            yield (
                f"{field}: {shown(key)} is no key: at most {_LONGEST_SUBDOMAIN} letters, digits, '-', '_' "
                "and '.', and it is not '.' and does not begin with '..'"
            )


def _pod(spec: Fields, claims: set[str]) -> Iterator[str]:
    volumes = mappings(spec, "volumes")
    yield from _each(volumes, "volumes", _LABEL, _LONGEST_LABEL)
    containers = [*mappings(spec, "initContainers"), *mappings(spec, "containers")]
    yield from _each(containers, "containers", _LABEL, _LONGEST_LABEL)
    known = claims | {string(each, "name") for each in volumes}
    for container in containers:
        name = string(container, "name")
        if not string(container, "image"):
            yield f"container {name} names no image"
        yield from _ports(mappings(container, "ports"), f"ports of container {name}", _PORT, _LONGEST_PORT)
        for each in mappings(container, "env"):
            if not string(each, "name") or "=" in string(each, "name"):
                yield f"env of container {name}: {shown(string(each, 'name'))} is no name of a variable"
        for each in mappings(container, "volumeMounts"):
            if (volume := string(each, "name")) not in known:
                yield f"container {name} mounts the volume {shown(volume)}, which its pod does not have"


def _ports(ports: Sequence[Fields], at: str, pattern: re.Pattern[str], longest: int) -> Iterator[str]:
    named = [each for each in ports if string(each, "name")]
    yield from _each(named, at, pattern, longest)
    if at == "spec.ports" and len(ports) > 1 and len(named) < len(ports):
        yield f"{at}: with more than one, each needs a name"


def _each(items: Sequence[Fields], at: str, pattern: re.Pattern[str], longest: int) -> Iterator[str]:
    names = [string(each, "name") for each in items]
    for name in dict.fromkeys(names):
        if not pattern.fullmatch(name) or len(name) > longest:
            also = "; a letter among them, and no '--'" if pattern is _PORT else ""
            yield (
                f"{at}: {shown(name)} is no name: at most {longest} lower-case letters, digits and '-', a "
                f"letter or digit first and last{also}"
            )
        elif names.count(name) > 1:
            yield f"{at}: {shown(name)} is there more than once"
