"""The program on the in-memory world. Everything except the adapters is the real code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from adapters.passwords import new_password
from app.http.environments import ask
from app.http.responses import Response
from app.http.sweeps import execute_sweep
from app.reconciler import Reconciler
from app.settings import DEFAULT_KINDS
from coppice.components.branch_database import DATABASES
from coppice.components.database_handlers import DatabaseMaker, DatabaseRemover
from coppice.components.identity_handlers import CredentialMaker, CredentialRemover
from coppice.components.monitoring.component import SHARED, MonitoringHandler
from coppice.components.monitoring.former_names import PresentMarks
from coppice.components.namespace import Namespace
from coppice.components.observed import Observed, Readers
from coppice.components.slots import Slots
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key, from_message
from coppice.environment.naming import Name
from coppice.lifecycle.drift import Drift
from coppice.manifests.rejection import Rejection
from coppice.reconciler.correlation import correlated
from coppice.reconciler.message import Stamps
from coppice.reconciler.report import Report
from coppice.reconciler.requeue import requeue_after
from deprovisioning.executor import Executor as DeprovisioningExecutor
from provisioning.admission import AdmissionPolicy
from provisioning.executor import Executor as ProvisioningExecutor
from provisioning.fence import FenceConfig
from provisioning.placement import Placement
from provisioning.renderer import Desired, Layout, render
from provisioning.secrets import VaultConfig
from tests.support.azure import CredentialDeleter, Identities
from tests.support.cluster import (
    Application,
    CronJobSuspender,
    NamespaceDeleter,
    Namespaces,
    ObjectDeleter,
    Objects,
)
from tests.support.config import CONFIG, TENANT, key, namespace_of
from tests.support.locks import Locks
from tests.support.manifests import overlay
from tests.support.monitoring import SharedConfigs
from tests.support.postgres import DatabaseDropper, Databases
from tests.support.records import InMemoryRecords
from tests.support.repository import MONITORING, OVERLAY, Builder, Fetched, Repository
from tests.support.world import World


@cache
def _judged(archive: bytes, commit: str, key: Key, name: Name) -> Desired | Rejection:
    """Return the rendered overlay of a commit, or its rejection.

    The result is cached. It depends on the arguments alone.
    """
    guard = AdmissionPolicy(
        namespace=name.namespace,
        allowed_kinds=frozenset(DEFAULT_KINDS.split(",")),
        hosts=frozenset(name.hosts),
        gateways=frozenset({"agc-shared/agc-feature-gateway"}),
        key_vaults=frozenset(),
        key_vault_objects=frozenset(),
    )
    layout = Layout(
        manifests="manifests",
        overlays=(OVERLAY, MONITORING),
        tenant=TENANT,
        accounts=CONFIG.accounts,
        vaults=VaultConfig(vaults=(), objects=()),
        fence=FenceConfig(templates=()),
        placement=Placement(node_selector={}, tolerations=()),
    )
    return render(commit, key, name, layout=layout, guard=guard, archives=Fetched(archive), builder=Builder())


@dataclass
class Program:
    """The program with its queue, and the actions of people and timers on it.

    Args:
        world: the outside systems.
        config: the configuration of environments.
        queue: the messages, each with the time from which it is visible.
    """

    world: World = field(default_factory=World)
    config: EnvironmentConfig = CONFIG
    queue: list[tuple[datetime, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world.heads.setdefault(self.world.default_branch, "0" * 40)
        for pool in self.config.pools.values():
            for ref in pool:
                self.world.identities.setdefault(ref, f"client-of-{ref}")
        self.records = InMemoryRecords(self.world)
        self.repository = Repository(self.world)
        self._locks = Locks(self.world)

    @property
    def reconciler(self) -> Reconciler:
        """The reconciler with the current configuration."""
        world, identities = self.world, Identities(self.world)
        namespaces, application = Namespaces(world), Application(world)
        server, shared = Databases(world), SharedConfigs(world)
        return Reconciler(
            config=self.config,
            readers=Readers(
                branches=self.repository,
                records=self.records,
                namespaces=namespaces,
                identities=identities,
                application=application,
                components=Slots()
                .put(DATABASES, server if self.config.databases else None)
                .put(SHARED, shared),
                asleep_since=self._asleep_since,
            ),
            objects=Objects(world),
            desired=self._desired,
            provisioning=ProvisioningExecutor(
                records=self.records,
                requests=self.records,
                namespaces=namespaces,
                application=application,
                objects=ObjectDeleter(world),
                handlers=(
                    CredentialMaker(credentials=identities, extra=CredentialDeleter(world)),
                    DatabaseMaker(databases=server, application=application, passwords=new_password),
                    MonitoringHandler(PresentMarks(shared, self.config)),
                ),
            ),
            deprovisioning=DeprovisioningExecutor(
                records=self.records,
                record_deleter=self.records,
                namespaces=NamespaceDeleter(world),
                cron_jobs=CronJobSuspender(world),
                handlers=(
                    CredentialRemover(CredentialDeleter(world)),
                    DatabaseRemover(DatabaseDropper(world)),
                    MonitoringHandler(PresentMarks(shared, self.config)),
                ),
            ),
            locks=self._locks,
            now=lambda: world.now,
        )

    def _asleep_since(self) -> datetime | None:
        with self.world.call("read schedule"):
            return self.world.night

    def _desired(self, commit: str, observed: Observed) -> Desired | Rejection:
        return _judged(self.repository.archive(commit), commit, observed.key, observed.name)

    def with_rules(self, **changes: Any) -> "Program":
        """Return the program on the same world with other settings."""
        return Program(self.world, replace(self.config, **changes), self.queue)

    def copy(self) -> "Program":
        """Return the program on a copy of the world."""
        return Program(self.world.copy(), self.config, list(self.queue))

    def push(self, branch: str, objects: tuple[Mapping[str, Any], ...] | None = None) -> str:
        """Push a new commit to a branch, which is created if it does not exist. No webhook is sent."""
        commit = f"{len(self.world.trees) + 1:040x}"
        self.world.trees[commit] = tuple(map(dict, overlay() if objects is None else objects))
        self.world.heads[branch] = commit
        return commit

    def delete_branch(self, branch: str) -> None:
        """Delete a branch. No webhook is sent."""
        self.world.heads.pop(branch, None)

    def ask(self, branch: str, action: str) -> Response:
        """Send a person's request over HTTP."""
        answer, found = ask(
            branch,
            "hold" if action == "hold" else "apply",
            config=self.config,
            branches=self.repository,
            records=self.records,
            now=self.world.now,
        )
        if found is not None:
            self.tell(found.branch)
        return answer

    def tell(self, branch: str) -> None:
        """Queue a branch's key, as a webhook does."""
        self.queue.append((self.world.now, key(branch).to_message()))

    def run(self, branch: str) -> Report:
        """Reconcile one branch once."""
        return self.reconciler.reconcile(key(branch))

    def work(self, message: str) -> Report:
        """Process one message, as the queue's function does."""
        found, stamps = from_message(message)
        with correlated(stamps.correlation_id):
            report = self.reconciler.reconcile(found)
        later = requeue_after(report.outcome, stamps, now=self.world.now)
        if later is not None:
            again, delay = later
            self.queue.append((self.world.now + timedelta(seconds=delay), found.to_message(again)))
        return report

    def drain(self) -> list[Report]:
        """Process messages until the queue is empty. The world settles after each message."""
        reports = []
        while self.queue:
            self.queue.sort(key=lambda each: each[0])
            due, message = self.queue.pop(0)
            self.world.now = max(self.world.now, due)
            reports.append(self.work(message))
            self.world.settle()
        return reports

    def sweep(self, *, most_deletions: int = 5, confirmed: str = "") -> Drift:
        """Sweep once, and queue the keys of the drift."""
        found, orphans = self.reconciler.sweep(most_deletions=most_deletions, confirmed=confirmed)
        execute_sweep(found, orphans, queue=self, locks=self.reconciler.locks)
        return found

    def enqueue(self, keys: Iterable[Key]) -> None:
        """Queue keys."""
        self.queue += [(self.world.now, each.to_message(Stamps.now())) for each in keys]

    def stand(self, branch: str, objects: tuple[Mapping[str, Any], ...] | None = None) -> str:
        """Push a branch, and check that its environment becomes ready."""
        commit = self.push(branch, objects)
        self.tell(branch)
        self.drain()
        namespace = self.world.namespaces[namespace_of(branch)]
        assert namespace.applied is not None
        assert (namespace.applied.revision, namespace.applied.result) == (commit, "Ready")
        return commit

    def namespace(self, branch: str) -> Namespace:
        """Return the namespace of a branch, which must exist."""
        return self.world.namespaces[self.config.name(branch).namespace]
