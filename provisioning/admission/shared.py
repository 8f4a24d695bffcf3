"""The one case in which an overlay may name kube-system: its part in the two ConfigMaps of Azure monitoring.

Such an object is never applied. What is taken of it is its scrape jobs, and whether the environment's
annotated pods are to be scraped; both are merged into what stands there (`coppice/components/monitoring`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from coppice.components.monitoring.marks import Owner
from coppice.components.monitoring.pattern import KEYS
from coppice.components.monitoring.shared import JOBS_KEY, NAMESPACE, Part
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.records import SharedName
from coppice.manifests.fields import Fields, Malformed, kind_id, mapping, quote, string
from coppice.manifests.rejection import Refusal
from provisioning.admission.scrape_jobs import Job, read_jobs

# What follows is trimmed afterwards: a pattern that looks for the last blank looks at each of them anew.
_PATTERN = re.compile(r"^[ \t]*podannotationnamespaceregex[ \t]*=(.*)$", re.MULTILINE)
_VERSIONS = frozenset({"schema-version", "config-version"})
# Azure's, and what the first of them is called here and there.
_NAMES = frozenset(
    {*SharedName, "ama-metrics-settings", "ama-metrics-prometheus-config-node"}
    | {"ama-metrics-prometheus-config-node-windows"}
)


def split_shared(objects: Sequence[Fields]) -> tuple[tuple[Fields, ...], tuple[Fields, ...]]:
    """Set apart what an overlay brings for the whole cluster's monitoring.

    Args:
        objects: what kustomize built of the monitoring overlay. Nothing is taken for granted about them.

    Returns:
        The objects that the usual rules are for, and the two ConfigMaps of kube-system, where it has any.
    """
    shared = tuple(each for each in objects if _is_shared(each))
    return tuple(each for each in objects if not _is_shared(each)), shared


def part_of(shared: Sequence[Fields], *, key: Key, name: Name) -> tuple[Part | None, tuple[Refusal, ...]]:
    """Read a branch's part.

    Args:
        shared: the ConfigMaps that `split_shared` set apart.
        key: the branch.
        name: its environment's names.

    Returns:
        The part, `None` if it brings nothing; and every reason found against it.
    """
    jobs: tuple[Job, ...] = ()
    annotated = False
    ignored: tuple[str, ...] = ()
    refusals: list[Refusal] = []
    for each in sorted(SharedName):
        found = [obj for obj in shared if _name(obj) == each]
        called = f"ConfigMap {NAMESPACE}/{each}"
        if len(found) > 1:
            refusals.append(Refusal(called, "is there more than once"))
            continue
        for obj in found:
            try:
                data = _data(obj)
                if each is SharedName.JOBS:
                    jobs, why = _jobs(data, name)
                    refusals += [Refusal(called, reason) for reason in why]
                else:
                    annotated = _annotated(data, name.namespace)
                    ignored = tuple(sorted(set(data) - {*KEYS, *_VERSIONS}))
            except Malformed as error:
                refusals.append(Refusal(called, str(error)))
    if refusals or not (jobs or annotated):
        return None, tuple(refusals)
    owner = Owner(key=key, namespace=name.namespace)
    return Part(owner=owner, slug=name.slug, jobs=jobs, annotated=annotated, ignored=ignored), ()


def remarks(objects: Iterable[Fields], part: Part | None = None) -> tuple[str, ...]:
    """What an author of an overlay should know of what was let through.

    Args:
        objects: the objects that are applied to the environment's namespace.
        part: its part in the whole cluster's monitoring.

    Returns:
        A sentence for each ConfigMap that Azure reads nowhere but in kube-system, and one for what was not
        taken of those that are for it.
    """
    idle = tuple(
        f"ConfigMap {_name(each)} is applied as it is, and nothing reads it: Azure looks for it in "
        f"{NAMESPACE} alone. Use a PodMonitor or ServiceMonitor (azmonitoring.coreos.com/v1) instead"
        for each in objects
        if kind_id(each) == "ConfigMap" and _name(each) in _NAMES
    )
    if part is None or not part.ignored:
        return idle
    return *idle, (
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
        and metadata.get("name") in list(SharedName)  # a list, for it may be anything
    )


def _name(obj: Fields) -> str:
    return string(mapping(obj, "metadata"), "name")


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
