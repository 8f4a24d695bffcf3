"""A cheap question to each outside system, for `health`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from adapters.github.flags import FlagAdapter
from adapters.kubernetes.configmap_store import check_system
from adapters.kustomize.build import find
from adapters.postgres.reader import DatabaseReaderAdapter, revoke_statements
from app.startup import check_names
from coppice.reconciler.errors import Forbidden, Gone, NotSetUp, Rejected
from coppice.reconciler.observation import Unknown
from scheduler.observe import flags
from scheduler.ownership import never

if TYPE_CHECKING:
    from adapters.postgres.client import Server
    from app.container import Container

_CORRECT = "Correct the schedule, or let the token or app read"


def checks(program: "Container") -> Mapping[str, Callable[[], object]]:
    """The questions, by the name of what answers; each raises a `Failure` if it finds something wrong."""
    identities = [ref for pool in program.settings.identity_pools.values() for ref in pool]
    server = program.postgres
    return {
        "settings": lambda: check_names(program.environment),
        "github": program.repository.default_branch,
        "cluster": lambda: check_system(program.provisioning_api),
        "azure": lambda: [program.identities.identity(ref) for ref in identities],
        "queue": program.queue.length,
        "schedule": lambda: check_schedule(program),
        "fence": lambda: program.fence,
        "kustomize": lambda: find(program.folder),
        **({"databases": lambda: check_closed(server)} if server else {}),
    }


def check_schedule(program: "Container") -> None:
    """Ask whether what the schedule names is there, and can be switched.

    Raises:
        NotSetUp: something is not; which, and why.
        Failure: GitHub or Azure gave no usable answer.
    """
    check_flags(program)
    check_pools(program)


def check_flags(program: "Container") -> None:
    """Ask whether every flag of the schedule can be read where the schedule says that it is.

    Raises:
        NotSetUp: one cannot; which, and why.
        Failure: GitHub gave no usable answer.
    """
    if program.schedule is None:
        return
    seen = flags(
        program.schedule.named.values(),
        repository=program.settings.github_repository,
        reader=FlagAdapter(program.sign_in),
    )
    for each in seen:
        match each.head:
            case Unknown(Gone() | Forbidden() | Rejected() as error):
                helps = "" if isinstance(error, Rejected) else f". {_CORRECT} {each.repository}"
                raise NotSetUp(f"the schedule's flag {each} cannot be read: {error}{helps}") from error
            case Unknown(error):
                raise error


def check_pools(program: "Container") -> None:
    """Ask whether the pools that the schedule names can sleep at all; one list, and none if it names none.

    Raises:
        NotSetUp: some cannot; which, and why.
        Failure: Azure gave no usable answer.
    """
    power = program.power
    if power is None or not any(each.pools for each in power.schedule.named.values()):
        return
    wrong = never(power.readers.pools.pools(), power.schedule)
    if wrong:
        raise NotSetUp(f"the schedule's pools: {wrong}")


def check_closed(server: "Server") -> None:
    """Ask whether a branch's role could connect to databases that are none of its business.

    Raises:
        NotSetUp: PUBLIC may connect to some; which, and what an administrator runs.
    """
    found = DatabaseReaderAdapter(server).open_to_public()
    if found:
        raise NotSetUp(
            f"every role may connect to {', '.join(found)}, branches' too: "
            f"an administrator runs {revoke_statements(found)}"
        )
