"""Environments that share a flag: one that sleeps must not switch it off under another that is awake.

Whether two flags are the same is plain only when the defaults are filled in: the repository's name is a
setting, and its default branch is known to GitHub alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from coppice.reconciler.observation import Reading, present, read
from coppice.reconciler.plan import Blocked, Wait
from scheduler.calendar import level
from scheduler.flags import ObservedFlag
from scheduler.overrides import Override
from scheduler.schedule import Environment, Flag, Schedule

_LATER = 300.0  # seconds: a person's word lasts for hours


def place_of(flag: Flag, repository: str) -> tuple[str, str, str]:
    """The repository, the file and the path of a flag; its branch may not be known yet.

    Args:
        flag: the flag.
        repository: the repository of flags that name none.
    """
    return ((flag.repository or repository).lower(), flag.file, str(flag.path))


def sharing(
    flags: Sequence[ObservedFlag],
    others: Mapping[str, Environment],
    *,
    repository: str,
    default_branch: Callable[[str], str],
) -> Reading[Mapping[str, str]]:
    """Find the environments that have a flag of this one.

    Args:
        flags: the environment's own.
        others: the other environments, by name.
        repository: the repository of flags that name none.
        default_branch: asks for a repository's.

    Returns:
        The other environment → the flag, for people.
    """

    def found() -> Iterator[tuple[str, str]]:
        for each in flags:
            for name, environment in others.items():
                alike = [
                    other
                    for other in environment.state
                    if place_of(other, repository) == place_of(each.flag, repository)
                ]
                if any((other.branch or default_branch(each.repository)) == each.branch for other in alike):
                    yield name, str(each)

    return read(lambda: dict(found()))


def held(
    shared: Reading[Mapping[str, str]],
    name: str,
    *,
    schedule: Schedule,
    overrides: Sequence[Override],
    now: datetime,
) -> Wait | Blocked | None:
    """Why an environment may not go to sleep: another that has its flag keeps other hours, or is awake.

    Args:
        shared: the environments that have a flag of it.
        name: its name.
        schedule: the schedule.
        overrides: all there are.
        now: the time.
    """
    ours = schedule.named[name]
    for other, flag in (present(shared) or {}).items():
        theirs = schedule.named[other]
        if (theirs.awake, theirs.lead_time) != (ours.awake, ours.lead_time):
            return Blocked(
                f"{flag} is that of {other} too, which has other hours: give both the same", "shared"
            )
        said = level(schedule, other, overrides, now)
        if said.awake:
            return Wait(f"{flag} is that of {other} too, which is awake: {said.why}", "shared", _LATER)
    return None
