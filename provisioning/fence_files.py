"""Reads the files that a fence is made of, and says what is wrong with them before any environment has to.

A slip in a network policy opens more often than it closes: a rule with an empty list of peers lets everybody
through. So what cannot have been meant is refused here.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.documents import BadYaml, load_all
from coppice.manifests.fields import Fields, Malformed, mapping, mappings, quote, string, strings
from coppice.manifests.quantity import quantity
from provisioning.fence import KINDS, NAMES, PEERS, TOKENS
from provisioning.quota import counts

_METADATA = {"annotations", "labels", "name"}
_TYPES = {"ingress": "Ingress", "egress": "Egress"}


def load(files: Mapping[str, str]) -> tuple[Manifest, ...]:
    """Read the files of a fence.

    Args:
        files: YAML by the file's name.

    Returns:
        Their objects, in the order of the files' names; checked as far as the fence depends on it.

    Raises:
        ValueError: a line for each thing that is wrong, with its file.
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
    if kind not in KINDS:
        yield f"a fence is made of {', '.join(KINDS)}"
        return
    if document.get("apiVersion") != KINDS[kind]:
        yield f"its apiVersion must be {KINDS[kind]}"
    if not string(metadata, "name").startswith(NAMES):
        yield f"its name must begin with {NAMES}, which overlays may not use"
    if surplus := sorted(set(metadata) - _METADATA):
        yield f"metadata.{surplus[0]} is not its own to say"
    if kind == "ResourceQuota":
        yield from _quota(mapping(spec, "hard"))
    elif kind == "LimitRange":
        yield from _limits(mappings(spec, "limits"))
    elif kind == "NetworkPolicy":
        yield from _policy(spec)


def _quota(hard: Fields) -> Iterator[str]:
    for key, value in hard.items():
        if counts(key) and not str(value).isdecimal():
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
    # Without it, a policy whose last egress rule is left out for want of networks would hold back no egress.
    if not types:
        yield "spec.policyTypes is missing: Ingress, Egress or both"
    for direction, peers in PEERS.items():
        rules = mappings(spec, direction)
        if rules and types and _TYPES[direction] not in types:
            yield f"it has {direction} rules, and policyTypes does not say {_TYPES[direction]}"
        for number, rule in enumerate(rules, start=1):
            for problem in _rule(rule, peers):
                yield f"{direction} rule {number}: {problem}"


def _rule(rule: Fields, peers: str) -> Iterator[str]:
    if surplus := sorted(set(rule) - {peers, "ports"}):
        yield f"{surplus[0]!r} is none of its fields: {peers}, ports"
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
