"""Environments that share a flag: one that goes to sleep must not put another to sleep that should be awake.

Flags can only be compared once their defaults are filled in: the repository is a setting, and its default
branch is known to GitHub.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from coppice.reconciler.observation import Reading, present, read
from coppice.reconciler.plan import Blocked, Wait
from scheduler.calendar import level
from scheduler.flags import ObservedFlag
from scheduler.overrides import Override
from scheduler.schedule import Environment, Flag, Schedule

_RETRY = 300.0  # seconds: an override lasts for hours


def flag_location(flag: Flag, repository: str) -> tuple[str, str, str]:
    """Return the repository, the file and the path of a flag. Its branch may not be known yet.

    Args:
        flag: the flag.
        repository: the default repository.
    """
    return ((flag.repository or repository).lower(), flag.file, str(flag.path))


def environments_sharing_flags(
    flags: Sequence[ObservedFlag],
    others: Mapping[str, Environment],
    *,
    repository: str,
    default_branch: Callable[[str], str],
) -> Reading[Mapping[str, str]]:
    """Find the environments that share a flag with this one.

    Args:
        flags: the flags of this environment.
        others: the other environments, by name.
        repository: the default repository.
        default_branch: reads the default branch of a repository.

    Returns:
        The name of the other environment → the flag, for people.
    """

    def shared() -> Iterator[tuple[str, str]]:
        for each in flags:
            location = flag_location(each.flag, repository)
            for name, environment in others.items():
                same = [flag for flag in environment.state if flag_location(flag, repository) == location]
                if any((flag.branch or default_branch(each.repository)) == each.branch for flag in same):
                    yield name, str(each)

    return read(lambda: dict(shared()))


def sharing_barrier(
    shared: Reading[Mapping[str, str]],
    name: str,
    *,
    schedule: Schedule,
    overrides: Sequence[Override],
    now: datetime,
) -> Wait | Blocked | None:
    """Keep an environment awake whose flag is shared by another that is awake or has other hours.

    Args:
        shared: the environments that share a flag with it.
        name: the environment's name.
        schedule: the schedule.
        overrides: the overrides of all environments.
        now: the time.

    Returns:
        The barrier; `None` if the environment may sleep.
    """
    own = schedule.named[name]
    for other, flag in (present(shared) or {}).items():
        hours = schedule.named[other]
        if (hours.awake, hours.lead_time) != (own.awake, own.lead_time):
            return Blocked(
                f"{flag} is that of {other} too, which has other hours: give both the same", "shared"
            )
        desired = level(schedule, other, overrides, now)
        if desired.awake:
            return Wait(f"{flag} is that of {other} too, which is awake: {desired.why}", "shared", _RETRY)
    return None
