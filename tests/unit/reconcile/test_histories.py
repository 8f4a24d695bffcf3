"""Tests random histories: after any history and a sweep the world is in the wanted state.

The events concern branches, messages, workers and the resources that exist. They come in any order, also
between any two calls of a worker.
"""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from coppice.components.namespace import PART_OF
from tests.support.config import CONFIG, SERVER
from tests.support.program import Program
from tests.unit.reconcile.model import ACCOUNTS, BRANCHES, ELSEWHERE, LOGIN, OVERLAYS, POOLS, TWINS, Model
from tests.unit.reconcile.workers import Worker, Workers

MOST_WORKERS = 4
PARTS = 4
MESSAGE_LOCK = timedelta(minutes=10)  # then the queue delivers the message of a dead worker again
SWEEP = "sweep"
branches = st.sampled_from(BRANCHES)
indexes = st.integers(0, 100)


class Histories(RuleBasedStateMachine):
    """Events in any order. The model derives the wanted state from the branches and the holds."""

    def __init__(self) -> None:
        super().__init__()
        config = replace(CONFIG, pools=POOLS, databases=SERVER, settle=timedelta(seconds=30))
        self.model = Model(Program(config=config))
        self.world = self.program.world
        self.workers = Workers(self.world)
        self.choice = random.Random(0)
        self.settings = 1
        self.objects_touched = False

    @property
    def program(self) -> Program:
        """The program with its current settings. A running worker keeps the settings that it started with."""
        return self.model.program

    @initialize(number=st.integers(0, 2**32 - 1))
    def the_order_of_calls_is_chosen(self, number: int) -> None:
        self.choice.seed(number)

    @rule(branch=branches, kind=st.sampled_from(sorted(OVERLAYS)), told=st.integers(0, 2))
    def push(self, branch: str, kind: str, told: int) -> None:
        self.model.overlays[self.program.push(branch, OVERLAYS[kind])] = kind
        self.tell(branch, times=told)

    @rule(branch=branches, told=st.integers(0, 2))
    def delete(self, branch: str, told: int) -> None:
        self.program.delete_branch(branch)
        self.tell(branch, times=told)

    @rule(old=branches, new=branches, told=st.sampled_from([(0, 0), (1, 0), (0, 1), (1, 1)]))
    def rename(self, old: str, new: str, told: tuple[int, int]) -> None:
        if old in self.world.heads and new not in self.world.heads:
            self.world.heads[new] = self.world.heads.pop(old)
            self.tell(new, times=told[0])
            self.tell(old, times=told[1])

    @rule(branch=branches)
    def a_message_comes_for_no_reason(self, branch: str) -> None:
        self.tell(branch)

    @rule()
    def all_messages_are_lost(self) -> None:
        self.program.queue.clear()

    @rule(branch=branches, action=st.sampled_from(["hold", "apply"]))
    def a_person_asks(self, branch: str, action: str) -> None:
        self.world.pass_time(minutes=0.1)
        answer = self.program.ask(branch, action)
        if answer.status == 202 and branch in self.world.heads:
            if action == "hold":
                self.model.held[branch] = self.world.heads[branch]
            else:
                self.model.held.pop(branch, None)

    @precondition(lambda self: self.program.queue and len(self.workers.running) < MOST_WORKERS)
    @rule(index=indexes)
    def a_worker_takes_a_message(self, index: int) -> None:
        self.take(index % len(self.program.queue))

    @precondition(lambda self: len(self.workers.running) < MOST_WORKERS)
    @rule()
    def a_sweep_begins(self) -> None:
        program = self.program
        self.workers.start(SWEEP, lambda: program.sweep(most_deletions=50))

    @precondition(lambda self: self.workers.running)
    @rule(calls=st.integers(1, 60))
    def workers_go_on(self, calls: int) -> None:
        self.workers.interleave(calls=calls, choice=self.choice)

    @precondition(lambda self: self.workers.running)
    @rule(index=indexes, calls=st.integers(1, 60))
    def one_worker_goes_on_while_the_others_stand_still(self, index: int, calls: int) -> None:
        worker = self.workers.running[index % len(self.workers.running)]
        for _ in range(calls):
            if not worker.ended:
                self.workers.go_on(worker)

    @precondition(lambda self: self.workers.running)
    @rule(settled=st.booleans())
    def workers_come_to_their_ends(self, settled: bool) -> None:
        self.workers.finish(self.choice)
        if settled:
            self.world.settle()

    @precondition(lambda self: self.workers.running)
    @rule(index=indexes)
    def a_worker_is_killed(self, index: int) -> None:
        worker = self.workers.running[index % len(self.workers.running)]
        self.workers.kill(worker)
        if worker.name != SWEEP:
            self.program.queue.append((self.world.now + MESSAGE_LOCK, worker.name))

    @rule(accounts=st.sampled_from(ACCOUNTS))
    def the_settings_change(self, accounts: dict[str, str]) -> None:
        self.settings += 1
        digest = f"settings-{self.settings}"
        self.model.program = self.program.with_rules(accounts=accounts, digest=digest)

    @rule(minutes=st.sampled_from([0.1, 0.5, 2, 11, 60]))
    def time_passes(self, minutes: float) -> None:
        self.workers.let_writes_through()
        self.world.pass_time(minutes=minutes)

    @rule()
    def night_falls_or_ends(self) -> None:
        self.world.night = None if self.world.night else self.world.now

    @precondition(lambda self: self.ours())
    @rule(index=indexes)
    def someone_deletes_a_namespace(self, index: int) -> None:
        name = self.ours()[index % len(self.ours())]
        self.world.namespaces[name] = replace(self.world.namespaces[name], terminating_since=self.world.now)

    @precondition(lambda self: self.ours())
    @rule(index=indexes, label=st.sampled_from([PART_OF, "dev-gateway-access"]))
    def someone_changes_a_label(self, index: int, label: str) -> None:
        name = self.ours()[index % len(self.ours())]
        stands = self.world.namespaces[name]
        labels = {**stands.labels, label: "changed"}
        self.world.namespaces[name] = replace(stands, labels=labels, version=self.world.number())

    @precondition(lambda self: self.world.credentials.get("rg/id-0"))
    @rule(index=indexes, changed=st.booleans())
    def someone_deletes_or_changes_a_credential(self, index: int, changed: bool) -> None:
        named = self.world.credentials["rg/id-0"]
        name = sorted(named)[index % len(named)]
        former = named.pop(name)
        if changed and all(each.subject != ELSEWHERE for each in named.values()):
            named[name] = replace(former, subject=ELSEWHERE)

    @precondition(lambda self: self.world.records)
    @rule(index=indexes, changed=st.booleans())
    def someone_deletes_or_changes_a_record(self, index: int, changed: bool) -> None:
        name = sorted(self.world.records)[index % len(self.world.records)]
        former = self.world.records.pop(name)
        if changed:
            self.world.records[name] = replace(former, rendered="", version=self.world.number())
        else:
            self.model.inventories_lost = True

    @precondition(lambda self: self.world.objects)
    @rule(index=indexes, changed=st.booleans())
    def someone_deletes_or_changes_an_object(self, index: int, changed: bool) -> None:
        at = sorted(self.world.objects)[index % len(self.world.objects)]
        former = self.world.objects.pop(at)
        if changed:
            manifest = {**former.manifest, "data": {"commit": "changed"}}
            if at[1] == LOGIN:  # its managed fields show another writer, so its note no longer counts
                manifest["metadata"] = {**former.manifest["metadata"], "annotations": {}}
            self.world.objects[at] = replace(former, manifest=manifest, version=self.world.number())
        self.objects_touched = True

    def ours(self) -> list[str]:
        return sorted(name for name, each in self.world.namespaces.items() if each.managed)

    def tell(self, branch: str, *, times: int = 1) -> None:
        for _ in range(times):
            self.program.tell(branch)

    def take(self, index: int) -> Worker:
        _, message = self.program.queue.pop(index)
        program = self.program
        return self.workers.start(message, lambda: program.work(message))

    def drain(self) -> None:
        """Let concurrent workers empty the queue.

        The world settles when a worker ends. Time advances when no worker runs.
        """
        queue, running, started = self.program.queue, self.workers.running, self.world.now
        while queue or running:
            assert self.world.now - started < timedelta(hours=3), f"it does not come to rest: {queue}"
            due = [index for index, (at, _) in enumerate(queue) if at <= self.world.now]
            if due and len(running) < MOST_WORKERS and (not running or self.choice.random() < 0.2):
                self.take(self.choice.choice(due))
            elif running:
                worker = self.choice.choice(running)
                self.workers.go_on(worker)
                if worker.ended:
                    self.world.settle()
            else:
                self.world.now = min(at for at, _ in queue)

    def teardown(self) -> None:
        try:
            self.after_a_sweep_the_world_is_what_the_branches_say()
        finally:
            self.workers.kill_all()

    def after_a_sweep_the_world_is_what_the_branches_say(self) -> None:
        self.workers.finish(self.choice)
        self.model.looks_the_same_from_afar()
        self.world.pass_time(minutes=2)  # the leases of killed workers expire
        if self.objects_touched:  # a run reads single objects only when it applies the overlay again
            self.world.pass_time(hours=25)
        self.world.settle()
        self.sweep()
        self.model.holds(leaving_out=TWINS)
        self.sweep()  # a twin gets its environment only after the first sweep freed the shared names
        self.model.holds()

    def sweep(self) -> None:
        self.program.sweep(most_deletions=50)
        self.drain()


@pytest.mark.parametrize("part", range(PARTS))
def test_after_any_history_and_a_sweep_the_world_is_what_the_branches_say(
    part: int, sample_seed: int
) -> None:
    """The histories are divided into parts, so that several processes can share the work.

    Each part has histories of its own.
    """
    machine = seed(PARTS * sample_seed + part)(type(f"Histories{part}", (Histories,), {}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=settings().max_examples // PARTS,
            stateful_step_count=40,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
