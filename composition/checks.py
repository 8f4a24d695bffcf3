"""A cheap question to each outside system, for `health`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from adapters.kubernetes.notes import check_system
from adapters.kustomize.build import find
from adapters.postgres.look import DatabaseReaderAdapter, closing
from composition.start import check_names
from loop.errors import NotSetUp

if TYPE_CHECKING:
    from adapters.postgres.client import Server
    from composition.program import Composition


def checks(program: "Composition") -> Mapping[str, Callable[[], object]]:
    """The questions, by the name of what answers; each raises a `Failure` if it finds something wrong."""
    identities = [ref for pool in program.settings.identity_pools.values() for ref in pool]
    server = program.postgres
    return {
        "settings": lambda: check_names(program.environment),
        "github": program.repository.default_branch,
        "cluster": lambda: check_system(program.provisioning_api),
        "azure": lambda: [program.readers.identities.identity(ref) for ref in identities],
        "queue": program.queue.length,
        "schedule": lambda: program.schedule,
        "fence": lambda: program.fence,
        "kustomize": lambda: find(program.folder),
        **({"databases": lambda: check_closed(server)} if server else {}),
    }


def check_closed(server: "Server") -> None:
    """Ask whether a branch's role could connect to databases that are none of its business.

    Raises:
        NotSetUp: PUBLIC may connect to some; which, and what an administrator runs.
    """
    found = DatabaseReaderAdapter(server).open_to_public()
    if found:
        raise NotSetUp(
            f"every role may connect to {', '.join(found)}, branches' too: "
            f"an administrator runs {closing(found)}"
        )
