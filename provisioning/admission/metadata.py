"""Checks an object's kind, name and namespace.

Kinds are checked against an allow-list. It excludes all kinds that are cluster-scoped, grant permissions, or
make a controller create further objects (Argo CD, Flux). A deny-list of those would never be complete.
"""

import re
from collections.abc import Iterator

from coppice.manifests.fields import Fields, kind_id, mapping, quote, string
from provisioning.admission.policy import AdmissionPolicy

_API_VERSION = re.compile(r"([a-z0-9.-]+/)?v[0-9]+((alpha|beta)[0-9]+)?")
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/; the name becomes part of a URL.
OBJECT_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
"""The names that objects may have."""


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """Check an object's kind, name, namespace, labels and annotations."""
    metadata = mapping(obj, "metadata")
    name = string(metadata, "name")
    if not _API_VERSION.fullmatch(string(obj, "apiVersion")):
        yield f"its apiVersion must be such as v1 or apps/v1, not {quote(obj.get('apiVersion'))}"
    if kind_id(obj) == "Namespace":
        if name != policy.namespace:
            yield f"only the namespace {policy.namespace} belongs to this environment"
    elif kind_id(obj) not in policy.allowed_kinds:
        yield "this kind is not in ALLOWED_KINDS"
    if not OBJECT_NAME.fullmatch(name):
        yield f"metadata.name must be a lower-case DNS name, not {quote(name)}"
    mapping(obj, "spec")  # raises if it is not a map
    yield from _metadata(metadata, policy)


def _metadata(metadata: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    if string(metadata, "namespace") not in {"", policy.namespace}:
        yield f"its namespace is {quote(metadata['namespace'])}; leave it out, or make it {policy.namespace}"
    for field in ("labels", "annotations"):
        for key, value in mapping(metadata, field).items():
            if not isinstance(value, str):
                yield f"metadata.{field}[{quote(key)}] must be a string; put it in quotes"
