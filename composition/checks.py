"""A cheap question to each outside system, for `health`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from adapters.kubernetes.notes import check_system
from adapters.kustomize.build import find

if TYPE_CHECKING:
    from composition.program import Composition


def checks(program: "Composition") -> Mapping[str, Callable[[], object]]:
    """The questions, by the name of what answers; each raises a `Failure` if it finds something wrong."""
    identities = [ref for pool in program.settings.identity_pools.values() for ref in pool]
    return {
        "github": program.repository.default_branch,
        "cluster": lambda: check_system(program.provisioning_api),
        "azure": lambda: [program.readers.identities.identity(ref) for ref in identities],
        "queue": program.queue.length,
        "schedule": lambda: program.schedule,
        "kustomize": lambda: find(program.folder),
    }
