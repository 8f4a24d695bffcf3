"""The health checks: a cheap read of each outside system, and checks of settings and files."""

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
    """Return the health checks.

    Args:
        clients: the clients of the outside systems.
        power: returns the power schedule's reconciler; `None` if there is no schedule.
        fence: reads the fence's files.

    Returns:
        The checks by the name of what they check. A check raises a `Failure` if it finds something wrong.
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
    """Check that the flags and pools of the power schedule exist and can be switched.

    Args:
        clients: the clients of the outside systems.
        power: the power schedule's reconciler; `None` if there is no schedule.

    Raises:
        NotSetUp: a flag or pool does not exist or cannot be switched; the message names it and the reason.
        Failure: GitHub or Azure gave no usable answer.
    """
    if power is not None:
        check_flags(clients, power)
        check_pools(power)


def check_flags(clients: "Clients", power: "Reconciler") -> None:
    """Check that every flag of the power schedule can be read at its place in Git.

    Args:
        clients: the clients of the outside systems.
        power: the power schedule's reconciler.

    Raises:
        NotSetUp: a flag cannot be read; the message names it and the reason.
        Failure: GitHub gave no usable answer.
    """
    observed = flags(
        power.schedule.named.values(),
        repository=clients.settings.github_repository,
        reader=FlagAdapter(clients.github),
    )
    for each in observed:
        match each.head:
            case Unknown(Gone() | Forbidden() | Rejected() as error):
                helps = "" if isinstance(error, Rejected) else f". {_CORRECT} {each.repository}"
                raise NotSetUp(f"the schedule's flag {each} cannot be read: {error}{helps}") from error
            case Unknown(error):
                raise error


def check_pools(power: "Reconciler") -> None:
    """Check that every agent pool of the power schedule can sleep.

    This lists the pools once. It makes no call if the schedule names no pool.

    Args:
        power: the power schedule's reconciler.

    Raises:
        NotSetUp: some pools can never sleep; the message names them and the reasons.
        Failure: Azure gave no usable answer.
    """
    if not any(each.pools for each in power.schedule.named.values()):
        return
    wrong = pools_that_never_sleep(power.readers.pools.pools(), power.schedule)
    if wrong:
        raise NotSetUp(f"the schedule's pools: {wrong}")


def check_closed(server: "Server") -> None:
    """Check that a branch's role cannot connect to databases of others.

    Args:
        server: the server of the branches' databases.

    Raises:
        NotSetUp: PUBLIC may connect to some databases; the message names them and the statements with which
            an administrator revokes that.
    """
    found = DatabaseReaderAdapter(server).open_to_public()
    if found:
        raise NotSetUp(
            f"every role may connect to {', '.join(found)}, branches' too: "
            f"an administrator runs {revoke_statements(found)}"
        )
