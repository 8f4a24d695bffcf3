"""A model of the wanted state: derives it from the branches, and compares the world with it."""

from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import yaml

from coppice.components.database import Database
from coppice.components.federated_identity import Credential
from coppice.components.monitoring.component import MONITORING
from coppice.components.monitoring.shared import JOBS_KEY
from coppice.components.slots import States
from coppice.environment.naming import subject
from coppice.environment.records import BranchRecords
from coppice.environment.references import ObjectRef, SharedName
from coppice.lifecycle.observe_all import observe_all
from coppice.lifecycle.observe_branch import observe_branch
from coppice.reconciler.observation import Present, Reading, present
from tests.support.azure import ISSUER
from tests.support.config import CONFIG, SERVER, key, namespace_of
from tests.support.manifests import config_map, job, overlay
from tests.support.monitoring import PRODUCTION, keep, older_kind
from tests.support.program import Program

TWINS = frozenset({"x", "feature/x"})
LIKE_A_SUFFIX = CONFIG.name("Fix/Auth").slug  # a branch of this name gets a suffix of its own
BRANCHES = (*sorted(TWINS), "x-2", "Fix/Auth", LIKE_A_SUFFIX, "release/1")
LEFT_ALONE = frozenset({"main", "release/1"})
OVERLAYS = {
    "plain": overlay(),
    "more": overlay(config_map("more"), job(image="example/migrate:1")),
    "other": overlay(config_map("other"), job(image="example/migrate:2")),
    "watched": overlay(*older_kind("feature-BRANCH_NAME")),  # has a part in the shared monitoring ConfigMaps
}
THEIRS = "rg/theirs"  # an identity in none of the pools
POOLS = {"": ("rg/id-0", "rg/id-1"), "storage": ("rg/st-0",)}
ACCOUNT = "postgres-service-account"
ACCOUNTS = [{ACCOUNT: ""}, {ACCOUNT: "", "uploader": ""}, {ACCOUNT: "", "uploader": "storage"}]
LOGIN = ObjectRef("v1", "Secret", SERVER.secret)
ELSEWHERE = "system:serviceaccount:elsewhere:runner"
_LOOKS_LIKE_OURS = Credential(
    identity=THEIRS,
    name="ci",
    issuer=ISSUER,
    subject="system:serviceaccount:feature-x:postgres-service-account",
)
_THEIR_DATABASE = Database(name="feature_foreign", oid=7, role=8, owner=None, login="", finished=False)


@dataclass
class Model:
    """The part of a history that decides what is wanted.

    Args:
        program: the program with its current settings.
        held: branch → the commit at which a person deleted its environment.
        overlays: commit → the name of its overlay.
        inventories_lost: whether a record was deleted, which alone held the inventory for pruning.
    """

    program: Program
    held: dict[str, str] = field(default_factory=dict)
    overlays: dict[str, str] = field(default_factory=dict)
    inventories_lost: bool = False

    def __post_init__(self) -> None:
        world = self.program.world
        self.foreign = world.add_namespace("feature-foreign", labels={"team": "blue"})
        world.identities[THEIRS] = "client-of-theirs"
        world.add_credential(_LOOKS_LIKE_OURS)
        world.databases["feature_foreign"] = _THEIR_DATABASE
        keep(world)

    def desired(self) -> dict[str, str]:
        """Return branch → commit for each branch that should have an environment.

        This includes both twins if both branches exist.
        """
        heads = self.program.world.heads.items()
        return {
            branch: commit
            for branch, commit in heads
            if branch not in LEFT_ALONE and self.held.get(branch) != commit
        }

    def looks_the_same_from_afar(self) -> None:
        """Assert that observing all branches by lists returns the same as observing each branch by gets."""
        readers, config = self.program.reconciler.readers, self.program.config
        for observed in observe_all(config=config, readers=readers).branches:
            near = observe_branch(observed.key, config=config, readers=readers)
            close_readings = {"rollout", "removed", "cron_jobs"}
            near = replace(near, **{reading: getattr(observed, reading) for reading in close_readings})
            near = replace(near, records=_without_digests(near.records))
            shared = observed.of(MONITORING)
            stand = {**near.components.readings, MONITORING.name: shared}
            assert observed == replace(near, components=States(stand))

    def holds(self, *, leaving_out: Iterable[str] = ()) -> None:
        """Assert that the world is in the wanted state.

        Args:
            leaving_out: branches that are not checked yet.
        """
        world, out = self.program.world, {namespace_of(branch) for branch in leaving_out}
        wanted = {each: at for each, at in self.desired().items() if namespace_of(each) not in out}
        ours = {name: each for name, each in world.namespaces.items() if each.managed and name not in out}
        owners = {each.owner.branch for each in ours.values() if each.owner}
        names = {namespace_of(branch) for branch in wanted}
        assert owners <= set(wanted)
        assert names == set(ours) == set(world.records) - out
        for branch in owners:
            self._stands(branch, wanted[branch])
        self._credentials_are_those_of(names, out)
        self._databases_are_those_of(names, out)
        self._monitoring_is_that_of(wanted, owners, out)
        assert {each.key.branch for each in world.requests.values()} <= set(world.heads)
        assert not world.leases
        assert world.namespaces["feature-foreign"] == self.foreign
        assert world.credentials[THEIRS] == {"ci": _LOOKS_LIKE_OURS}

    def _credentials_are_those_of(self, names: set[str], out: set[str]) -> None:
        # If namespace and record are both gone, a credential may not say which branch it belonged to. It is
        # then reported as an orphan. A credential to which a person gave another subject is that person's.
        _, orphans = self.program.reconciler.sweep(most_deletions=50)
        assert sorted(
            (each.identity, each.subject)
            for each in self.program.world.every_credential()
            if each.identity != THEIRS and each.subject != ELSEWHERE
            if each.namespace not in out and str(each) not in orphans
        ) == sorted(
            (self.program.world.records[name].identities[pool], subject(name, account))
            for name in names
            for account, pool in self.program.config.accounts.items()
        )

    def _databases_are_those_of(self, names: set[str], out: set[str]) -> None:
        databases = self.program.world.databases
        assert databases["feature_foreign"] == _THEIR_DATABASE
        found = {f"feature-{name[8:].replace('_', '-')}": each for name, each in databases.items()}
        assert set(found) - out == names | {"feature-foreign"}
        for name in names:
            login = self.program.world.objects[name, LOGIN].manifest["data"]
            user, password = (b64decode(login[each]).decode() for each in ("user", "password"))
            assert (user, found[name].finished) == (found[name].name, True)
            assert self.program.world.passwords[user] == password

    def _monitoring_is_that_of(self, wanted: Mapping[str, str], owners: set[str], out: set[str]) -> None:
        """Assert that shared monitoring has the parts that overlays bring, and production's as it was."""
        jobs = self.program.world.shared[SharedName.JOBS].data[JOBS_KEY]
        watched = {namespace_of(each) for each in owners if self.overlays[wanted[each]] == "watched"}
        about = {
            each["job_name"]: each["kubernetes_sd_configs"][0]["namespaces"]["names"]
            for each in yaml.safe_load(jobs)["scrape_configs"]
        }
        assert about.pop("production") == ["project"]
        assert {each for [each] in about.values()} - out == watched
        assert about or jobs == PRODUCTION

    def _stands(self, branch: str, commit: str) -> None:
        world, name = self.program.world, namespace_of(branch)
        applied = self.program.namespace(branch).applied
        assert applied is not None
        assert (applied.revision, applied.result) == (commit, "Ready")
        built = {
            f"{each['kind']}/{each['metadata']['name']}"
            for each in OVERLAYS[self.overlays[commit]]
            if each["metadata"].get("namespace") != "kube-system"
        }
        stands = {f"{ref}": each.manifest for (at, ref), each in world.objects.items() if at == name}
        # Only the inventory says what may be pruned. Without it, objects that left the overlay stay.
        expected = {f"{LOGIN}", *built}
        assert set(stands) >= expected if self.inventories_lost else set(stands) == expected
        assert world.records[name].key == key(branch)
        assert stands["ConfigMap/settings"]["data"] == {"commit": commit}
        [container] = stands["Deployment/web"]["spec"]["template"]["spec"]["containers"]
        assert container["image"] == f"example/web:{commit}"


def _without_digests(records: Reading[BranchRecords]) -> Reading[BranchRecords]:
    """Return the records as a list of all of them tells them."""
    found = present(records)
    if found is None or found.record is None:
        return records
    return Present(replace(found, record=replace(found.record, digests={})))
