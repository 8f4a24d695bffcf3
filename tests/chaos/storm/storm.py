"""The storm: many branches arrive in a second, half of them are deleted while they are being created, and
workers are killed all the while. Then everything has to be right.
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
from tests.chaos.storm.probes import Objects, look, wrongs
from tests.chaos.storm.size import Size
from tests.chaos.storm.stage import MORE, PLAIN, SECRET, Host, Stage
from tests.support.config import namespace_of

CALM = {"calm/plain": PLAIN, "calm/more": MORE}  # made before the storm, to compare with
_FOUND = ("make", "remove", "orphans", "unread")
_NO_COMMIT = "0" * 40
_LONGEST = 1.0  # seconds between the beginning of a run and the deletion of its branch
_PAUSE = 0.1  # seconds between two looks


@dataclass(kw_only=True)
class Summary:
    """What happened; times are seconds.

    Attributes:
        seconds: how long it took, from the first webhook until the queue was empty.
        arrived_in: until the last webhook was answered.
        caught: how many branches were deleted before their environments were up.
        at_work: how many of these had a run at work on them at that moment.
        kills: how many workers were killed.
        runs: how many runs were begun.
        cut_off: how many of them were cut off.
        poison: how many messages were given up.
        leases_left: how many leases of killed workers there were when nobody worked any more.
        overlapping_writes: how many writes ARM refused because another one was on.
        wrong_before_the_sweep: what was not right before anyone swept.
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
        place: the outside systems.
        program: the host.
        say: tells of each phase.
    """

    size: Size
    place: Stage
    program: Host
    say: Callable[[str], None]
    summary: Summary = field(default_factory=Summary)
    _heads: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.size.seed)

    def pass_over(self) -> Summary:
        """Let it pass.

        Returns:
            What happened; what is wrong at its end is left to whoever looks.
        """
        names = [f"feature/s-{number:03}" for number in range(self.size.branches)]
        doomed = self._random.sample(names, self.size.doomed)
        commits = [self._heads[calm] for calm in CALM]
        began = time.monotonic()
        with ThreadPoolExecutor(max_workers=1) as pool:
            killing = pool.submit(self._kill)
            self._arrive({name: self._random.choice(commits) for name in names})
            self._delete_while_being_created(doomed)
            killing.result()
        self.until_nobody_works()
        self.summary.seconds = time.monotonic() - began
        self._count()
        return self.summary

    def calm(self) -> Mapping[str, Objects]:
        """Make an environment of each overlay, and say what it holds, by its commit."""
        for branch, files in CALM.items():
            self._heads[branch] = self.place.repository.commit(branch, files, f"The overlay of {branch}")
            self._tell(branch, _NO_COMMIT, self._heads[branch])
        self._until(
            "the environments to compare with are up",
            lambda: all(look(self.place).complete(branch, at) for branch, at in self._heads.items()),
        )
        seen = look(self.place)
        return {commit: seen.environment(branch) for branch, commit in self._heads.items()}

    def _arrive(self, heads: Mapping[str, str]) -> None:
        """Push all branches, and tell of each."""
        created = "".join(f"create refs/heads/{branch} {commit}\n" for branch, commit in heads.items())
        git(self.place.repository.path, "update-ref", "--stdin", stdin=created.encode())
        began = time.monotonic()
        with ThreadPoolExecutor(max_workers=50) as pool:  # GitHub waits for no answer
            told = [pool.submit(self._tell, branch, _NO_COMMIT, at) for branch, at in heads.items()]
        for each in told:
            each.result()
        self._heads |= heads
        self.summary.arrived_in = time.monotonic() - began
        self.say(f"{len(heads)} branches arrived in {self.summary.arrived_in:.1f} s")

    def _delete_while_being_created(self, doomed: Iterable[str]) -> None:
        """Delete each branch some moment after a run has begun to work on it."""
        due: dict[str, float] = {}
        left = set(doomed)
        deadline = time.monotonic() + self.size.within / 2
        while left and time.monotonic() < deadline:
            held, up, now = self.place.held(), self.place.up(), time.monotonic()
            for branch in sorted(left):
                begun = _lock(branch) in held or namespace_of(branch) in up
                if branch not in due and begun:
                    due[branch] = now + self._random.uniform(0, _LONGEST)
                if due.get(branch, now + 1) <= now:
                    self.summary.at_work += _lock(branch) in held
                    self.summary.caught += not up.get(namespace_of(branch), False)
                    self._delete(branch)
                    left.discard(branch)
            time.sleep(_PAUSE)
        for branch in left:  # nobody began with it in all that time
            self._delete(branch)
        caught, at_work = self.summary.caught, self.summary.at_work
        self.say(f"{self.size.doomed} deleted: {caught} before they were up, {at_work} with a run at work")

    def _delete(self, branch: str) -> None:
        self.place.repository.delete(branch)
        self._tell(branch, self._heads.pop(branch), _NO_COMMIT)

    def _kill(self) -> None:
        """Kill a worker every now and then."""
        choice = random.Random(self.size.seed + 1)
        while self.summary.kills < self.size.kills:
            time.sleep(choice.uniform(*self.size.between_kills))
            alive = self.program.alive()
            if alive:
                self.program.kill(choice.choice(alive))
                self.summary.kills += 1
        self.say(f"{self.summary.kills} workers were killed, and others started")

    def until_nobody_works(self) -> None:
        """Wait until the queue is empty; messages that are being worked on are in it."""
        self._until("the queue is empty", lambda: self.place.messages("branches") == 0)

    def sweep(self) -> None:
        """Let the timer's sweep come once, and wait until everything that it queued has been worked on."""
        self.program.http.post("/admin/functions/sweep_branches", json={"input": ""}).raise_for_status()
        self._until("the sweep is over", lambda: "'sweep_branches' succeeded" in self._said())
        self.until_nobody_works()

    def wrongs(self, calm: Mapping[str, Objects]) -> tuple[str, ...]:
        """Everything that is not as the branches say."""
        return tuple(wrongs(look(self.place), self._heads, calm))

    def left_over(self) -> list[str]:
        """What nobody needs any more: leases that no run holds, and what another sweep would find."""
        found = self.program.http.post("/api/sweep", params={"dry_run": "true"}).raise_for_status().json()
        return [
            *(f"the lease {lock} is left" for lock in sorted(self.place.held())),
            *(
                f"a sweep would find {each}"
                for key in ("make", "remove", "orphans", "unread")
                for each in found[key]
            ),
        ]

    def _count(self) -> None:
        said = self._said()
        self.summary.runs = said.count("Executing 'reconcile_branch'")
        ended = len(re.findall(r"'reconcile_branch' (?:succeeded|failed)", said))
        self.summary.cut_off = self.summary.runs - ended
        self.summary.poison = said.count("ERROR poison ")
        self.summary.leases_left = len(self.place.held())
        self.summary.overlapping_writes = look(self.place).overlapping_writes

    def _said(self) -> str:
        return self.place.log.read_text(errors="replace")

    def _tell(self, branch: str, before: str, after: str) -> None:
        payload = push_payload(self.place.repository, branch=branch, before=before, after=after)
        body = json.dumps(payload).encode()
        signature = {"X-Hub-Signature-256": sign(SECRET, body)}
        headers = {"Content-Type": "application/json", "X-GitHub-Event": "push", **signature}
        answer = self.program.http.post("/api/github", content=body, headers=headers)
        assert answer.status_code == 202, answer.text

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.size.within
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"not so after {self.size.within:.0f} s: {what}")
            time.sleep(_PAUSE * 3)


def _lock(branch: str) -> str:
    return f"branch/{namespace_of(branch)}"
