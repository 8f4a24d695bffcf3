"""Whatever happens to branches, messages and the program itself, in whatever order: after a sweep the world
is what the branches say.
"""

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from branches.identity import Credential
from branches.naming import subject
from branches.observe import one
from branches.world import everything
from tests.fakes.azure import ISSUER
from tests.fakes.manifests import config_map, job, overlay
from tests.fakes.program import RULES, Program, key, namespace_of
from tests.fakes.world import Crash

TWINS = {"x", "feature/x"}
BRANCHES = ["x", "feature/x", "x-2", "Fix/Auth", "release/1"]
OVERLAYS = {
    "plain": overlay(),
    "more": overlay(config_map("more"), job(image="example/migrate:1")),
    "other": overlay(config_map("other"), job(image="example/migrate:2")),
}
POOLS = {"": ("rg/id-0", "rg/id-1"), "storage": ("rg/st-0",)}
ACCOUNT = "postgres-service-account"
ACCOUNTS = [{ACCOUNT: ""}, {ACCOUNT: "", "uploader": ""}, {ACCOUNT: "", "uploader": "storage"}]
branches = st.sampled_from(BRANCHES)
indexes = st.integers(0, 100)
FOREIGN = Credential(
    identity="rg/id-0",
    name="ci",
    issuer=ISSUER,
    subject="system:serviceaccount:feature-x:postgres-service-account",
)


class Histories(RuleBasedStateMachine):
    """Events in any order; the model is what the branches and the holds say."""

    def __init__(self) -> None:
        super().__init__()
        self.program = Program(rules=replace(RULES, pools=POOLS))
        self.settings = 1
        self.world = self.program.world
        self.held: dict[str, str] = {}
        self.overlays: dict[str, str] = {}
        self.objects_lost = False
        self.inventories_lost = False
        self.foreign = self.world.add_namespace("feature-foreign", labels={"team": "blue"})
        self.world.identities["rg/theirs"] = "client-of-theirs"
        self.world.add_credential(replace(FOREIGN, identity="rg/theirs"))

    @rule(branch=branches, kind=st.sampled_from(sorted(OVERLAYS)), told=st.booleans())
    def push(self, branch: str, kind: str, told: bool) -> None:
        commit = self.program.push(branch, OVERLAYS[kind])
        self.overlays[commit] = kind
        if told:
            self.program.tell(branch)

    @rule(branch=branches, told=st.booleans())
    def delete(self, branch: str, told: bool) -> None:
        self.program.delete_branch(branch)
        if told:
            self.program.tell(branch)

    @rule(branch=branches)
    def a_message_comes_for_no_reason(self, branch: str) -> None:
        self.program.tell(branch)

    @rule()
    def all_messages_are_lost(self) -> None:
        self.program.queue.clear()

    @precondition(lambda self: self.program.queue)
    @rule(index=indexes, settled=st.booleans())
    def one_message_is_worked_on(self, index: int, settled: bool) -> None:
        _, message = self.program.queue.pop(index % len(self.program.queue))
        self.program.work(message)
        if settled:
            self.world.settle()

    @rule(branch=branches, action=st.sampled_from(["hold", "apply"]))
    def a_person_asks(self, branch: str, action: str) -> None:
        self.world.pass_time(minutes=1)
        answer = self.program.ask(branch, action)
        if answer.status == 202 and branch in self.world.heads:
            if action == "hold":
                self.held[branch] = self.world.heads[branch]
            else:
                self.held.pop(branch, None)

    @precondition(lambda self: self.program.queue)
    @rule(calls=st.integers(0, 60), again=st.booleans())
    def the_process_dies(self, calls: int, again: bool) -> None:
        _, message = self.program.queue.pop(0)
        self.world.crash_at(calls)
        try:
            self.program.work(message)
        except Crash:
            if again:
                self.program.queue.append((self.world.now, message))
        self.world.recover()

    @rule(accounts=st.sampled_from(ACCOUNTS))
    def the_settings_change(self, accounts: dict[str, str]) -> None:
        self.settings += 1
        self.program = self.program.with_rules(accounts=accounts, digest=f"settings-{self.settings}")

    @rule(minutes=st.sampled_from([0.5, 11, 60]))
    def time_passes(self, minutes: float) -> None:
        self.world.pass_time(minutes=minutes)

    @rule()
    def night_falls_or_ends(self) -> None:
        self.world.night = None if self.world.night else self.world.now

    @precondition(lambda self: self.ours())
    @rule(index=indexes)
    def someone_deletes_a_namespace(self, index: int) -> None:
        name = self.ours()[index % len(self.ours())]
        self.world.namespaces[name] = replace(self.world.namespaces[name], terminating_since=self.world.now)

    @precondition(lambda self: self.world.credentials.get("rg/id-0"))
    @rule(index=indexes)
    def someone_deletes_a_credential(self, index: int) -> None:
        named = self.world.credentials["rg/id-0"]
        del named[sorted(named)[index % len(named)]]

    @precondition(lambda self: self.world.records)
    @rule(index=indexes)
    def someone_deletes_a_record(self, index: int) -> None:
        del self.world.records[sorted(self.world.records)[index % len(self.world.records)]]
        self.inventories_lost = True

    @precondition(lambda self: self.world.objects)
    @rule(index=indexes)
    def someone_deletes_an_object(self, index: int) -> None:
        del self.world.objects[sorted(self.world.objects)[index % len(self.world.objects)]]
        self.objects_lost = True

    def ours(self) -> list[str]:
        return sorted(name for name, each in self.world.namespaces.items() if each.managed)

    def wanted(self) -> dict[str, str]:
        """Branch → commit, of those that shall have an environment, both twins included."""
        return {
            branch: commit
            for branch, commit in self.world.heads.items()
            if branch not in {"main", "release/1"} and self.held.get(branch) != commit
        }

    def looks_the_same_from_afar(self) -> None:
        """Looking at everything by lists shows each branch as looking at it by gets does."""
        readers, rules = self.program.reconciler.readers, self.program.rules
        for seen in everything(rules=rules, readers=readers).branches:
            near = one(seen.key, rules=rules, readers=readers)
            assert seen == replace(near, rollout=seen.rollout, leaving=seen.leaving, cron_jobs=seen.cron_jobs)

    def teardown(self) -> None:
        self.looks_the_same_from_afar()
        if self.objects_lost:  # nobody looks at single objects until the overlay is applied anew
            self.world.pass_time(hours=25)
        self.world.settle()
        # A twin whose other half has just lost the namespace they share comes with the next sweep.
        for _ in range(2):
            self.program.sweep(most_deletions=50)
            self.program.drain()

        wanted = self.wanted()
        owners = {each.owner.branch for each in self.world.namespaces.values() if each.owner}
        assert owners <= set(wanted)
        assert {namespace_of(branch) for branch in wanted} == set(self.ours()) == set(self.world.records)
        for branch in owners:
            self.stands(branch, wanted[branch])
        # Where namespace and record are both gone, a credential may not tell whose it was: then
        # a person is told of it.
        _, orphans = self.program.reconciler.sweep(most_deletions=50)
        assert sorted(
            (each.identity, each.subject)
            for each in self.world.every_credential()
            if each.identity != "rg/theirs" and str(each) not in orphans
        ) == sorted(
            (self.world.records[name].identities[pool], subject(name, account))
            for name in self.ours()
            for account, pool in self.program.rules.accounts.items()
        )
        assert {each.key.branch for each in self.world.requests.values()} <= set(self.world.heads)
        assert not [each for each in self.world.leases.values() if each.until > self.world.now]
        assert self.world.namespaces["feature-foreign"] == self.foreign
        assert self.world.credentials["rg/theirs"]

    def stands(self, branch: str, commit: str) -> None:
        applied = self.program.namespace(branch).applied
        assert applied is not None
        assert (applied.revision, applied.result) == (commit, "Ready")
        names = {f"{each['kind']}/{each['metadata']['name']}" for each in OVERLAYS[self.overlays[commit]]}
        stands = self.world.objects_in(namespace_of(branch))
        # Only the inventory says what may be pruned: without it, former objects stay.
        assert stands >= names if self.inventories_lost else stands == names
        assert self.world.records[namespace_of(branch)].key == key(branch)
        for (namespace, ref), stored in self.world.objects.items():
            if namespace == namespace_of(branch) and ref.name == "settings":
                assert stored.manifest["data"] == {"commit": commit}


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=settings().max_examples // 2,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
