"""Loads and checks the files of a fence, when the program starts.

A mistake in a network policy tends to allow more than intended: a rule with an empty list of peers allows all
traffic. So what cannot be intended is an error here.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.documents import BadYaml, load_all
from coppice.manifests.fields import Fields, Malformed, mapping, mappings, quote, string, strings
from coppice.manifests.quantity import quantity
from provisioning.fence import API_VERSIONS, NAME_PREFIX, PEER_FIELDS, TOKENS
from provisioning.quota import is_object_count

_METADATA_FIELDS = {"annotations", "labels", "name"}
_POLICY_TYPES = {"ingress": "Ingress", "egress": "Egress"}


def load(files: Mapping[str, str]) -> tuple[Manifest, ...]:
    """Load the files of a fence.

    Args:
        files: file name → YAML.

    Returns:
        Their objects, in the order of the file names. Only the fields that the fence reads are checked.

    Raises:
        ValueError: the files have mistakes; the message has a line for each, with its file.
    """
    found: list[Manifest] = []
    problems: list[str] = []
    for file in sorted(files):
        try:
            documents = [each for each in load_all(files[file]) if each is not None]
        except BadYaml as error:
            problems.append(f"{file}: {error}")
            continue
        for document in documents:
            problems += [f"{file}: {problem}" for problem in _problems(document)]
            if isinstance(document, dict):
                found.append(document)
    if not problems:
        names = [f"{each['kind']} {each['metadata']['name']}" for each in found]
        problems = [
            f"{name} is there more than once" for name in sorted({n for n in names if names.count(n) > 1})
        ]
    if problems:
        raise ValueError("\n".join(problems))
    return tuple(found)


def _problems(document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        yield "holds something that is no object"
        return
    kind, name = document.get("kind"), "?"
    try:
        name = string(mapping(document, "metadata"), "name")
        for problem in _object(document):
            yield f"{kind} {name}: {problem}"
    except Malformed as error:
        yield f"{kind} {name}: {error}"


def _object(document: Fields) -> Iterator[str]:
    kind, metadata, spec = document.get("kind"), mapping(document, "metadata"), mapping(document, "spec")
    if kind not in API_VERSIONS:
        yield f"a fence is made of {', '.join(API_VERSIONS)}"
        return
    if document.get("apiVersion") != API_VERSIONS[kind]:
        yield f"its apiVersion must be {API_VERSIONS[kind]}"
    if not string(metadata, "name").startswith(NAME_PREFIX):
        yield f"its name must begin with {NAME_PREFIX}, which overlays may not use"
    if extra := sorted(set(metadata) - _METADATA_FIELDS):
        yield f"metadata.{extra[0]} is not its own to say"
    if kind == "ResourceQuota":
        yield from _quota(mapping(spec, "hard"))
    elif kind == "LimitRange":
        yield from _limits(mappings(spec, "limits"))
    elif kind == "NetworkPolicy":
        yield from _policy(spec)


def _quota(hard: Fields) -> Iterator[str]:
    for key, value in hard.items():
        if is_object_count(key) and not str(value).isdecimal():
            yield f"{key} must be a whole number, not {quote(value)}"


def _limits(items: Sequence[Fields]) -> Iterator[str]:
    for field in ("default", "defaultRequest", "min", "max"):
        for item in items:
            for resource, value in mapping(item, field).items():
                if quantity(value) is None:
                    yield f"{field}.{resource} must be a quantity such as 250m or 1Gi, not {quote(value)}"


def _policy(spec: Fields) -> Iterator[str]:
    if "podSelector" not in spec:
        yield "spec.podSelector is missing; {} takes in all pods"
    mapping(spec, "podSelector")
    types = strings(spec, "policyTypes")
    # Kubernetes derives absent policyTypes from the rules. Without its egress rules, which are dropped if a
    # setting names no networks, a policy would not restrict egress.
    if not types:
        yield "spec.policyTypes is missing: Ingress, Egress or both"
    for direction, peers in PEER_FIELDS.items():
        rules = mappings(spec, direction)
        if rules and types and _POLICY_TYPES[direction] not in types:
            yield f"it has {direction} rules, and policyTypes does not say {_POLICY_TYPES[direction]}"
        for number, rule in enumerate(rules, start=1):
            for problem in _rule(rule, peers):
                yield f"{direction} rule {number}: {problem}"


def _rule(rule: Fields, peers: str) -> Iterator[str]:
    if extra := sorted(set(rule) - {peers, "ports"}):
        yield f"{extra[0]!r} is none of its fields: {peers}, ports"
    for field in sorted({peers, "ports"} & set(rule)):
        if not mappings(rule, field):
            yield f"'{field}' is empty, which means all; leave it out if that is meant"
    for peer in mappings(rule, peers):
        if not peer:
            yield "a peer is empty"
        if "ipBlock" in peer:
            yield from _block(mapping(peer, "ipBlock"))


def _block(block: Fields) -> Iterator[str]:
    cidr, excepted = string(block, "cidr"), strings(block, "except")
    if cidr in TOKENS:
        if excepted:
            yield f"{cidr} stands for several networks, so it can have no 'except'"
        return
    network = _network(cidr)
    if network is None:
        yield f"{quote(cidr)} is neither a network, as 10.1.0.0/16 is, nor one of {', '.join(TOKENS)}"
        return
    for text in excepted:
        inner = _network(text)
        if inner is None or inner == network or not _within(inner, network):
            yield f"except: {quote(text)} is no network within {cidr}"


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


def _within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # of one version
