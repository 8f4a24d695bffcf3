"""Reads a branch's part of the two ConfigMaps of Azure monitoring, its only objects in kube-system.

Such an object is never applied. Only its scrape jobs are used, and whether it asks to scrape the annotated
pods of the environment. Both are merged into the existing ConfigMaps (`coppice/components/monitoring`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from coppice.components.monitoring.marks import Owner
from coppice.components.monitoring.pattern import KEYS
from coppice.components.monitoring.shared import JOBS_KEY, NAMESPACE, Part
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.references import SharedName
from coppice.manifests.fields import Fields, Malformed, kind_id, mapping, name_of, quote, string
from coppice.manifests.rejection import Refusal
from provisioning.admission.scrape_jobs import Job, read_jobs

# The value is trimmed afterwards. A pattern that excluded trailing blanks would take quadratic time.
_PATTERN = re.compile(r"^[ \t]*podannotationnamespaceregex[ \t]*=(.*)$", re.MULTILINE)
_VERSIONS = frozenset({"schema-version", "config-version"})
# The ConfigMaps that Azure reads, and other names that its documentation uses for the first of them.
_AZURE_CONFIG_MAPS = frozenset(
    {*SharedName, "ama-metrics-settings", "ama-metrics-prometheus-config-node"}
    | {"ama-metrics-prometheus-config-node-windows"}
)


def split_shared(objects: Sequence[Fields]) -> tuple[tuple[Fields, ...], tuple[Fields, ...]]:
    """Separate the ConfigMaps of cluster-wide monitoring from the other objects of an overlay.

    Args:
        objects: the objects that kustomize built from the monitoring overlay. They may be of any shape.

    Returns:
        The other objects, and those of the two ConfigMaps in kube-system that the overlay has.
    """
    shared = tuple(each for each in objects if _is_shared(each))
    return tuple(each for each in objects if not _is_shared(each)), shared


def part_of(shared: Sequence[Fields], *, key: Key, name: Name) -> tuple[Part | None, tuple[Refusal, ...]]:
    """Read a branch's part of cluster-wide monitoring.

    Args:
        shared: the ConfigMaps that `split_shared` returned.
        key: the branch.
        name: the names of its environment.

    Returns:
        The part, `None` if the branch has none or it is refused; and every reason against it.
    """
    jobs: tuple[Job, ...] = ()
    annotated = False
    ignored: tuple[str, ...] = ()
    refusals: list[Refusal] = []
    for each in sorted(SharedName):
        found = [obj for obj in shared if name_of(obj) == each]
        subject = f"ConfigMap {NAMESPACE}/{each}"
        if len(found) > 1:
            refusals.append(Refusal(subject, "is there more than once"))
            continue
        for obj in found:
            try:
                data = _data(obj)
                if each is SharedName.JOBS:
                    jobs, reasons = _jobs(data, name)
                    refusals += [Refusal(subject, reason) for reason in reasons]
                else:
                    annotated = _annotated(data, name.namespace)
                    ignored = tuple(sorted(set(data) - {*KEYS, *_VERSIONS}))
            except Malformed as error:
                refusals.append(Refusal(subject, str(error)))
    if refusals or not (jobs or annotated):
        return None, tuple(refusals)
    owner = Owner(key=key, namespace=name.namespace)
    return Part(owner=owner, slug=name.slug, jobs=jobs, annotated=annotated, ignored=ignored), ()


def remarks(objects: Iterable[Fields], part: Part | None = None) -> tuple[str, ...]:
    """Say what has no effect in an overlay that is not refused.

    Args:
        objects: the objects that are applied to the environment's namespace.
        part: its part of cluster-wide monitoring.

    Returns:
        A sentence for each ConfigMap that Azure reads only in kube-system, and one for the settings of the
        shared ConfigMap that are ignored.
    """
    unread = tuple(
        f"ConfigMap {name_of(each)} is applied as it is, and nothing reads it: Azure looks for it in "
        f"{NAMESPACE} alone. Use a PodMonitor or ServiceMonitor (azmonitoring.coreos.com/v1) instead"
        for each in objects
        if kind_id(each) == "ConfigMap" and name_of(each) in _AZURE_CONFIG_MAPS
    )
    if part is None or not part.ignored:
        return unread
    return *unread, (
        f"of ConfigMap {NAMESPACE}/{SharedName.SETTINGS} only the pattern of namespaces is taken: "
        f"{', '.join(map(quote, part.ignored))} would hold for the whole cluster"
    )


def _is_shared(obj: Fields) -> bool:
    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    return (
        isinstance(metadata, dict)
        and obj.get("apiVersion") == "v1"
        and obj.get("kind") == "ConfigMap"
        and metadata.get("namespace") == NAMESPACE
        and metadata.get("name") in list(SharedName)  # no set: the name may be unhashable
    )


def _data(obj: Fields) -> Mapping[str, str]:
    if mapping(obj, "binaryData"):
        raise Malformed("binaryData cannot be merged")
    data = mapping(obj, "data")
    return {field: string(data, field) for field in data}


def _jobs(data: Mapping[str, str], name: Name) -> tuple[tuple[Job, ...], tuple[str, ...]]:
    if unknown := sorted(set(data) - {JOBS_KEY}):
        raise Malformed(f"its {quote(unknown[0])} is nothing that Azure reads; {JOBS_KEY} is")
    return read_jobs(data.get(JOBS_KEY, ""), slug=name.slug, namespace=name.namespace)


def _annotated(data: Mapping[str, str], namespace: str) -> bool:
    patterns = {
        pattern.strip().strip("\"'") for field in KEYS for pattern in _PATTERN.findall(data.get(field, ""))
    } - {""}
    if patterns - {namespace}:
        raise Malformed(
            f"its podannotationnamespaceregex {quote(min(patterns - {namespace}))} is not this namespace's "
            f'name: write `podannotationnamespaceregex = "{namespace}"`'
        )
    return bool(patterns)
