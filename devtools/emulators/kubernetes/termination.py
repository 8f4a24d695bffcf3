"""The namespace controller's conditions of a terminating namespace, with the messages of
https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/controller/namespace/deletion/status_condition_utils.go.
"""

from collections import Counter
from collections.abc import Iterable

from devtools.emulators.kubernetes.kinds import Kind
from devtools.emulators.kubernetes.store import Object
from devtools.emulators.kubernetes.world import Condition, SimulatorSettings


def conditions(contents: Iterable[tuple[Kind, Object]], settings: SimulatorSettings) -> list[Condition]:
    """Return the conditions that say why a namespace cannot be removed yet.

    Args:
        contents: the objects that remain in the namespace.
        settings: which operations fail.
    """
    kept = list(contents)
    remaining = [(kind, held) for kind, held in kept if kind.plural not in settings.undeletable]
    refused = sorted({kind.resource for kind, _ in kept if kind.plural in settings.undeletable})
    kinds = Counter(f"{kind.plural}.{kind.group}" for kind, _ in remaining)
    finalizers = Counter(each for _, held in remaining for each in held["metadata"].get("finalizers", ()))
    return [
        _condition(
            *("NamespaceDeletionDiscoveryFailure", "DiscoveryFailed", _discovery(settings.dead_apis)),
            *("ResourcesDiscovered", "All resources successfully discovered"),
        ),
        _condition(
            *("NamespaceDeletionGroupVersionParsingFailure", "", ""),
            *("ParsedGroupVersions", "All legacy kube types successfully parsed"),
        ),
        _condition(
            *("NamespaceDeletionContentFailure", "ContentDeletionFailed", _deletion(refused)),
            *("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
        ),
        _condition(
            *("NamespaceContentRemaining", "SomeResourcesRemain"),
            _listed("Some resources are remaining", "has", kinds),
            *("ContentRemoved", "All content successfully removed"),
        ),
        _condition(
            *("NamespaceFinalizersRemaining", "SomeFinalizersRemain"),
            _listed("Some content in the namespace has finalizers remaining", "in", finalizers),
            *("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
        ),
    ]


def _condition(type_: str, reason: str, message: str, well: str, all_well: str) -> Condition:
    return (type_, "True", reason, message) if message else (type_, "False", well, all_well)


def _discovery(dead: Iterable[str]) -> str:
    said = ", ".join(f"{each}: stale GroupVersion discovery: {each}" for each in dead)
    of = f"Discovery failed for some groups, {len(tuple(dead))} failing"
    return said and f"{of}: unable to retrieve the complete list of server APIs: {said}"


def _deletion(refused: Iterable[str]) -> str:
    why = "is forbidden: ValidatingAdmissionPolicy 'of-the-emulator' denied request"
    said = ", ".join(f'{each} "Unknown" {why}' for each in refused)
    return said and f"Failed to delete all resource types, {len(tuple(refused))} remaining: {said}"


def _listed(what: str, joined: str, counts: Counter[str]) -> str:
    said = ", ".join(
        f"{name} {joined} {number} resource instances" for name, number in sorted(counts.items())
    )
    return said and f"{what}: {said}"
