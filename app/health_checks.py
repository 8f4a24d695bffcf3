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
from scheduler.ownership import pools_that_never_sleep

if TYPE_CHECKING:
    from adapters.postgres.client import Server
    from app.clients import Clients
    from provisioning.fence import FenceConfig
    from scheduler.reconciler import Reconciler

_CORRECT = "Correct the schedule, or let the token or app read"


def checks(
    clients: "Clients", *, power: Callable[[], "Reconciler | None"], fence: Callable[[], "FenceConfig"]
) -> Mapping[str, Callable[[], object]]:
    """The questions, by the name of what answers; each raises a `Failure` if it finds something wrong.

    Args:
        clients: reach the outside.
        power: what switches the schedule's environments; `None` if there is no schedule.
        fence: reads the fence's files.
    """
    identities = [ref for pool in clients.settings.identity_pools.values() for ref in pool]
    server = clients.postgres
    return {
        "settings": lambda: check_names(clients.environment),
        "github": clients.repository.default_branch,
        "cluster": lambda: check_system(clients.provisioning_api),
        "azure": lambda: [clients.identities.identity(ref) for ref in identities],
        "queue": clients.queue.length,
        "schedule": lambda: check_schedule(clients, power()),
        "fence": fence,
        "kustomize": lambda: find(clients.folder),
        **({"databases": lambda: check_closed(server)} if server else {}),
    }


def check_schedule(clients: "Clients", power: "Reconciler | None") -> None:
    """Ask whether what the schedule names is there, and can be switched.

    Args:
        clients: reach the outside.
        power: what switches the schedule's environments; `None` if there is no schedule.

    Raises:
        NotSetUp: something is not; which, and why.
        Failure: GitHub or Azure gave no usable answer.
    """
    if power is not None:
        check_flags(clients, power)
        check_pools(power)


def check_flags(clients: "Clients", power: "Reconciler") -> None:
    """Ask whether every flag of the schedule can be read where the schedule says that it is.

    Args:
        clients: reach the outside.
        power: what switches the schedule's environments.

    Raises:
        NotSetUp: one cannot; which, and why.
        Failure: GitHub gave no usable answer.
    """
    observed = flags(
        power.schedule.named.values(),
        repository=clients.settings.github_repository,
        reader=FlagAdapter(clients.sign_in),
    )
    for each in observed:
        match each.head:
            case Unknown(Gone() | Forbidden() | Rejected() as error):
                helps = "" if isinstance(error, Rejected) else f". {_CORRECT} {each.repository}"
                raise NotSetUp(f"the schedule's flag {each} cannot be read: {error}{helps}") from error
            case Unknown(error):
                raise error


def check_pools(power: "Reconciler") -> None:
    """Ask whether the pools that the schedule names can sleep at all; one list, and none if it names none.

    Args:
        power: what switches the schedule's environments.

    Raises:
        NotSetUp: some cannot; which, and why.
        Failure: Azure gave no usable answer.
    """
    if not any(each.pools for each in power.schedule.named.values()):
        return
    wrong = pools_that_never_sleep(power.readers.pools.pools(), power.schedule)
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
