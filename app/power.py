"""Loads the power schedule, and builds and calls the reconciler of its environments."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from adapters.azure.pools import PoolAdapter
from adapters.github.flags import FlagAdapter
from adapters.kubernetes.gitops.adapter import GitOpsAdapter
from adapters.kubernetes.leases import Leases
from adapters.kubernetes.nodes import NodeAdapter
from adapters.kubernetes.power_store import LedgerAdapter
from coppice.reconciler.errors import NotSetUp
from coppice.reconciler.outcome import Done, Waiting
from coppice.reconciler.plan import UNKNOWN
from coppice.reconciler.report import Report
from scheduler.calendar import level
from scheduler.executor import Executor
from scheduler.loading import ScheduleError, load
from scheduler.observe import Readers
from scheduler.reconciler import Reconciler
from scheduler.schedule import FEATURES, Schedule

if TYPE_CHECKING:
    from app.clients import Clients
    from app.reconciler import Reconciler as BranchReconciler
    from coppice.environment.key import Key

_DEFAULT_FILE = "schedule.yaml"
_LOOK_AGAIN = 60.0  # seconds; long, because each retry observes all branches


def schedule(folder: Path, configured: str, *, repository: str) -> Schedule | None:
    """Read the power schedule.

    Args:
        folder: the app's folder.
        configured: setting `SCHEDULE_FILE`; empty means the default file.
        repository: the default repository of flags.

    Returns:
        The schedule; `None` if the setting is empty and the default file does not exist.

    Raises:
        NotSetUp: the file has mistakes, or the configured file does not exist.
    """
    file = folder / (configured or _DEFAULT_FILE)
    if not file.is_file():
        if configured:
            raise NotSetUp(f"SCHEDULE_FILE names {file}, and there is no such file")
        return None
    try:
        return load(file.read_text(encoding="utf-8"), name=file.name, repository=repository)
    except (ScheduleError, UnicodeDecodeError) as error:
        raise NotSetUp(
            f"the schedule has mistakes, and until they are mended nothing is switched:\n{error}"
        ) from None


def features_asleep_since(clients: "Clients", schedule: Schedule | None) -> datetime | None:
    """Return since when branch environments should be asleep.

    Args:
        clients: the clock, and the store of overrides.
        schedule: the power schedule, if there is one.

    Returns:
        The time; `None` if branch environments should be awake, or the schedule does not name them.

    Raises:
        Failure: the overrides could not be read.
    """
    if schedule is None or schedule.environments.features is None:
        return None
    current = level(schedule, FEATURES, clients.overrides.overrides(), clients.now())
    return None if current.awake else current.since


class Program(Protocol):
    """The parts of the container that reconciling an environment of the power schedule needs."""

    @property
    def schedule(self) -> Schedule | None:
        """The power schedule, if there is one."""

    @property
    def power(self) -> Reconciler | None:
        """The reconciler of the power schedule's environments; `None` if there is no schedule."""

    @property
    def reconciler(self) -> "BranchReconciler":
        """The reconciler of branch environments."""

    def enqueue(self, keys: Iterable["Key"]) -> None:
        """Queue the keys of branches."""

    def now(self) -> datetime:
        """Return the current time."""


def reconcile(program: Program, environment: str) -> Report | None:
    """Reconcile one environment of the power schedule.

    `features` stands for all branch environments. They have a queue, keys and a reconciler of their own, so
    for `features` this only queues the branches whose environment has to be created or changed.

    Args:
        program: the program.
        environment: the environment's name, or `features`.

    Returns:
        The report, which has not been logged; `None` if there is no schedule.
    """
    if program.power is None or program.schedule is None:
        return None
    if environment == FEATURES and program.schedule.environments.features is not None:
        return _queue_branches(program)
    return program.power.reconcile(environment)


def _queue_branches(program: Program) -> Report:
    """Queue the branches whose environment has to be created or changed, and none that has to be removed."""
    started = program.now()
    found, _ = program.reconciler.sweep(most_deletions=0)
    program.enqueue(each.key for each in found.make)
    queued = f"{len(found.make)} branches were queued"
    unread = f"{queued}; not read: {'; '.join(found.unread)}"
    return Report(
        key={"environment": FEATURES},
        outcome=Waiting(unread, UNKNOWN, _LOOK_AGAIN) if found.unread else Done(queued),
        seconds=(program.now() - started).total_seconds(),
        facts={"queued": [each.key.branch for each in found.make]},
    )


def reconciler(clients: "Clients", schedule: Schedule) -> Reconciler:
    """Build the reconciler of the power schedule's environments.

    Args:
        clients: the clients of the outside systems.
        schedule: the power schedule.

    Returns:
        The reconciler.
    """
    settings = clients.settings
    pools = PoolAdapter(
        clients.credential(settings.scheduler_client_id),
        settings.azure_subscription_id,
        settings.azure_resource_manager_url,
        group=settings.aks_resource_group,
        name=settings.aks_cluster_name,
    )
    git, gitops, ledgers = (
        FlagAdapter(clients.github),
        GitOpsAdapter(clients.scheduler_api, clients.now),
        LedgerAdapter(clients.scheduler_api),
    )
    return Reconciler(
        schedule=schedule,
        repository=settings.github_repository,
        readers=Readers(
            repositories=git,
            gitops=gitops,
            pools=pools,
            cluster=NodeAdapter(clients.scheduler_api),
            ledgers=ledgers,
            overrides=clients.overrides,
        ),
        executor=Executor(committer=git, refresher=gitops, pools=pools, ledgers=ledgers),
        locks=Leases(clients.scheduler_api, clients.now),
        now=clients.now,
    )
