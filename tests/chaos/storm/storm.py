"""The storm: many branches arrive in a second, half of them are deleted while they are being created, and
workers are killed all the time. Afterwards every environment must match its branch.
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from devtools.emulators.github.git import git
from devtools.emulators.github.webhooks import push_payload, sign
from tests.chaos.storm.probes import Objects, deviations, take_snapshot
from tests.chaos.storm.size import Size
from tests.chaos.storm.stage import MORE, PLAIN, SECRET, Host, Stage
from tests.support.config import namespace_of

REFERENCE = {"calm/plain": PLAIN, "calm/more": MORE}  # made before the storm, for comparison
_SWEEP_KEYS = ("make", "remove", "orphans", "unread")
_NO_COMMIT = "0" * 40
_MAX_DELAY = 1.0  # seconds between the beginning of a run and the deletion of its branch
_PAUSE = 0.1  # seconds between two probes


@dataclass(kw_only=True)
class Summary:
    """What happened; times are seconds.

    Attributes:
        seconds: how long it took, from the first webhook until the queue was empty.
        arrived_in: until the last webhook was answered.
        caught: how many branches were deleted before their environments were ready.
        at_work: how many of these had a run in progress at that moment.
        kills: how many workers were killed.
        runs: how many runs were started.
        cut_off: how many of them were killed.
        poison: how many messages went to the poison queue.
        leases_left: how many leases of killed workers were left when the queue was empty.
        overlapping_writes: how many writes ARM refused because another one was in progress.
        wrong_before_the_sweep: what was wrong before the sweep.
    """

    seconds: float = 0
    arrived_in: float = 0
    caught: int = 0
    at_work: int = 0
    kills: int = 0
    runs: int = 0
    cut_off: int = 0
    poison: int = 0
    leases_left: int = 0
    overlapping_writes: int = 0
    wrong_before_the_sweep: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Storm:
    """One storm.

    Attributes:
        size: how big it is.
        systems: the outside systems.
        program: the host.
        report: gets a line about each phase.
    """

    size: Size
    systems: Stage
    program: Host
    report: Callable[[str], None]
    summary: Summary = field(default_factory=Summary)
    _heads: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.size.seed)

    def run(self) -> Summary:
        """Run the storm.

        Returns:
            What happened; `deviations` has what is wrong at the end.
        """
        names = [f"feature/s-{number:03}" for number in range(self.size.branches)]
        doomed = self._random.sample(names, self.size.doomed)
        commits = [self._heads[reference] for reference in REFERENCE]
        started = time.monotonic()
        with ThreadPoolExecutor(max_workers=1) as pool:
            killing = pool.submit(self._kill)
            self._arrive({name: self._random.choice(commits) for name in names})
            self._delete_while_being_created(doomed)
            killing.result()
        self.wait_for_empty_queue()
        self.summary.seconds = time.monotonic() - started
        self._count()
        return self.summary

    def reference(self) -> Mapping[str, Objects]:
        """Make an environment of each overlay.

        Returns:
            The objects of each environment, by its commit.
        """
        for branch, files in REFERENCE.items():
            self._heads[branch] = self.systems.repository.commit(branch, files, f"The overlay of {branch}")
            self._deliver_webhook(branch, _NO_COMMIT, self._heads[branch])
        self._until(
            "the environments to compare with are up",
            lambda: all(
                take_snapshot(self.systems).complete(branch, at) for branch, at in self._heads.items()
            ),
        )
        snapshot = take_snapshot(self.systems)
        return {commit: snapshot.environment(branch) for branch, commit in self._heads.items()}

    def _arrive(self, heads: Mapping[str, str]) -> None:
        """Push all branches, and send a webhook for each."""
        created = "".join(f"create refs/heads/{branch} {commit}\n" for branch, commit in heads.items())
        git(self.systems.repository.path, "update-ref", "--stdin", stdin=created.encode())
        started = time.monotonic()
        with ThreadPoolExecutor(max_workers=50) as pool:  # GitHub waits for no answer
            printed = [
                pool.submit(self._deliver_webhook, branch, _NO_COMMIT, at) for branch, at in heads.items()
            ]
        for each in printed:
            each.result()
        self._heads |= heads
        self.summary.arrived_in = time.monotonic() - started
        self.report(f"{len(heads)} branches arrived in {self.summary.arrived_in:.1f} s")

    def _delete_while_being_created(self, doomed: Iterable[str]) -> None:
        """Delete each branch a short time after a run has started on it."""
        due: dict[str, float] = {}
        left = set(doomed)
        deadline = time.monotonic() + self.size.time_limit / 2
        while left and time.monotonic() < deadline:
            held_locks, ready_namespaces, now = (
                self.systems.held_locks(),
                self.systems.ready_namespaces(),
                time.monotonic(),
            )
            for branch in sorted(left):
                started_pids = _lock(branch) in held_locks or namespace_of(branch) in ready_namespaces
                if branch not in due and started_pids:
                    due[branch] = now + self._random.uniform(0, _MAX_DELAY)
                if due.get(branch, now + 1) <= now:
                    self.summary.at_work += _lock(branch) in held_locks
                    self.summary.caught += not ready_namespaces.get(namespace_of(branch), False)
                    self._delete(branch)
                    left.discard(branch)
            time.sleep(_PAUSE)
        for branch in left:  # no run has started on it in all that time
            self._delete(branch)
        caught, at_work = self.summary.caught, self.summary.at_work
        self.report(f"{self.size.doomed} deleted: {caught} before they were up, {at_work} with a run at work")

    def _delete(self, branch: str) -> None:
        self.systems.repository.delete(branch)
        self._deliver_webhook(branch, self._heads.pop(branch), _NO_COMMIT)

    def _kill(self) -> None:
        """Kill workers, one at a time, at random intervals."""
        choice = random.Random(self.size.seed + 1)
        while self.summary.kills < self.size.kills:
            time.sleep(choice.uniform(*self.size.between_kills))
            alive_pids = self.program.alive_pids()
            if alive_pids:
                self.program.kill(choice.choice(alive_pids))
                self.summary.kills += 1
        self.report(f"{self.summary.kills} workers were killed, and others started")

    def wait_for_empty_queue(self) -> None:
        """Wait until the queue is empty; messages that are being processed count as queued."""
        self._until("the queue is empty", lambda: self.systems.messages("branches") == 0)

    def sweep(self) -> None:
        """Run the timer's sweep once, and wait until everything that it queued is processed."""
        self.program.http.post("/admin/functions/sweep_branches", json={"input": ""}).raise_for_status()
        self._until("the sweep is over", lambda: "'sweep_branches' succeeded" in self._log_text())
        self.wait_for_empty_queue()

    def deviations(self, reference: Mapping[str, Objects]) -> tuple[str, ...]:
        """Everything that does not match the branches."""
        return tuple(deviations(take_snapshot(self.systems), self._heads, reference))

    def leftovers(self) -> list[str]:
        """What should not be there: leases that no run holds, and what another sweep would find."""
        found = self.program.http.post("/api/sweep", params={"dry_run": "true"}).raise_for_status().json()
        return [
            *(f"the lease {lock} is left" for lock in sorted(self.systems.held_locks())),
            *(
                f"a sweep would find {each}"
                for key in ("make", "remove", "orphans", "unread")
                for each in found[key]
            ),
        ]

    def _count(self) -> None:
        log = self._log_text()
        self.summary.runs = log.count("Executing 'reconcile_branch'")
        ended = len(re.findall(r"'reconcile_branch' (?:succeeded|failed)", log))
        self.summary.cut_off = self.summary.runs - ended
        self.summary.poison = log.count("ERROR poison ")
        self.summary.leases_left = len(self.systems.held_locks())
        self.summary.overlapping_writes = take_snapshot(self.systems).overlapping_writes

    def _log_text(self) -> str:
        return self.systems.log.read_text(errors="replace")

    def _deliver_webhook(self, branch: str, before: str, after: str) -> None:
        payload = push_payload(self.systems.repository, branch=branch, before=before, after=after)
        body = json.dumps(payload).encode()
        signature = {"X-Hub-Signature-256": sign(SECRET, body)}
        headers = {"Content-Type": "application/json", "X-GitHub-Event": "push", **signature}
        answer = self.program.http.post("/api/github", content=body, headers=headers)
        assert answer.status_code == 202, answer.text

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.size.time_limit
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"not so after {self.size.time_limit:.0f} s: {what}")
            time.sleep(_PAUSE * 3)


def _lock(branch: str) -> str:
    return f"branch/{namespace_of(branch)}"
