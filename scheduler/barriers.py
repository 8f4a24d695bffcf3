"""What both ways share: the commit that switches the flags, and what has to be true before the next step."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from coppice.reconciler.observation import Present, Reading, Unknown, present
from coppice.reconciler.plan import Blocked, Item, Wait, Wave, wave
from scheduler.documents import DocumentError, put
from scheduler.flags import Commit, Head, ObservedFlag
from scheduler.gitops import InForce, Refresh
from scheduler.observe import Observed
from scheduler.pools import Pool, Reshape

OPERATION = "operation"
_SOON = 15.0  # seconds: a sync, pods that go
_OPERATION = 30.0  # seconds: an operation of AKS takes minutes


def unread(*readings: Reading[object]) -> Wait | Blocked | None:
    """The first look that failed, as what has to be waited for or mended."""
    for reading in readings:
        if isinstance(reading, Unknown):
            why, code = f"not read: {reading.error}", reading.error.code
            if reading.error.passing:
                return Wait(why, code, reading.error.retry_after or _SOON)
            return Blocked(why, code)
    return None


def switch(observed: Observed, state: Literal["on", "off"], *, message: str) -> tuple[Item, ...]:
    """Commit a state where Git says another one: one commit for all that changes in one branch."""
    texts: dict[tuple[str, str, str], dict[str, str]] = {}
    for each, head in _heads(observed.flags):
        says = each.flag.says(head.value)
        if says == state or (state == "on" and says == "neither"):
            continue  # a value of somebody's own is awake enough
        files = texts.setdefault((each.repository, each.branch, head.commit), {})
        text = files.get(each.flag.file, head.text)
        try:
            files[each.flag.file] = put(
                text, each.flag.path, each.flag.on if state == "on" else each.flag.off
            )
        except DocumentError as error:
            return (Blocked(f"{each}: {error}", "document"),)
    return wave(
        *(
            Commit(repository=repository, branch=branch, parent=parent, files=files, message=message)
            for (repository, branch, parent), files in texts.items()
        )
    )


def in_force(
    observed: Observed, state: Literal["on", "off"], *, committing: bool, ask: bool
) -> tuple[Item, ...]:
    """Wait until everything that syncs is synced at a commit at which every flag really says so.

    Args:
        observed: what was observed.
        state: what the flags should say.
        committing: whether a commit is about to be made, so that any look at Git so far was too early.
        ask: whether to ask for a look at Git where one is lacking.

    Returns:
        What to ask for, and what to wait for; nothing if the state is in force.
    """
    objects: list[InForce] = []
    for entry in observed.syncs:
        if isinstance(entry.objects, Unknown):
            return tuple(filter(None, [unread(entry.objects)]))
        found = present(entry.objects) or ()
        if not found:
            return (Blocked(f"there is no {entry.sync}: correct the schedule's sync", "no_sync"),)
        objects += found
    for index, each in enumerate(observed.flags):
        if not any(index in one.values for one in objects):
            new = [
                f"{one.synced} has not synced yet: {one.synced.unsynced}" for one in objects if not one.values
            ]
            if new:
                return (Wait(listed(new), "sync", _SOON),)
            why = f"nothing in the schedule's sync reads {each.repository}, where {each.flag} is"
            return (Blocked(why, "no_sync"),)
    behind = [(one, why) for one in objects if (why := _behind(one, observed.flags, state))]
    stale = [
        one.synced
        for one, _ in behind
        if committing or not (one.synced.refreshing or _has_tried(one, observed.flags))
    ]
    unsynced = [f"{one.synced}: {one.synced.unsynced}" for one in objects if one.synced.unsynced]
    reasons = [*(why for _, why in behind), *unsynced]
    if not reasons:
        return ()
    refreshes = wave(*(Refresh(synced=each) for each in stale)) if ask else ()
    return (*refreshes, Wait(listed(reasons), "sync", _SOON))


def _behind(one: InForce, flags: Sequence[ObservedFlag], state: Literal["on", "off"]) -> str:
    for index, value in one.values.items():
        each = flags[index]
        revision = one.synced.revision(each.repository, each.branch)[:12]
        if not isinstance(value, Present):
            return f"{one.synced} is at {revision}, and {value.error if isinstance(value, Unknown) else ''}"
        says = each.flag.says(value.value)
        if (says == "off") is not (state == "off"):
            return f"{one.synced} is at {revision}, where {each.flag} is {value.value!r}"
    return ""


def _has_tried(one: InForce, flags: Sequence[ObservedFlag]) -> bool:
    """Whether it knows the newest commits and could not apply them: asked again, it would forget why."""
    heads = {flags[index].repository.lower(): present(flags[index].head) for index in one.values}
    return all(head and one.synced.tried.get(name) == head.commit for name, head in heads.items())


def _heads(flags: Iterable[ObservedFlag]) -> list[tuple[ObservedFlag, Head]]:
    return [(each, each.head.value) for each in flags if isinstance(each.head, Present)]


def one_by_one(
    changes: Iterable[Reshape], observed: Observed, *, meanwhile: Iterable[str] = ()
) -> tuple[Item, ...]:
    """Changes of pools, each read back before the next: AKS does one operation at a time in a cluster."""
    waves = [Wave((change,)) for change in changes]
    if not waves:
        return ()
    busy = [f"{pool} is {pool.state}" for pool in present(observed.pools) or () if pool.busy]
    held = holding(observed) if any(pool.busy for pool in observed.own_pools) else ()
    why = f"AKS does one operation at a time: {listed([*busy, *meanwhile, *held])}"
    turn = Wait(why, OPERATION, _OPERATION)
    read_back = Wait("the pool is read back before anything else", OPERATION, _SOON)
    return (*((turn,) if busy else ()), *(item for each in waves for item in (each, read_back)))


def settled(observed: Observed) -> tuple[Item, ...]:
    """Wait until no operation of the environment's own pools is under way."""
    busy = [f"{pool} is {pool.state}" for pool in observed.own_pools if pool.busy]
    return (Wait(listed([*busy, *holding(observed)]), OPERATION, _OPERATION),) if busy else ()


def once_more(pool: Pool) -> Reshape:
    """Ask for the same again: AKS takes up a pool that has failed if it is written once more."""
    return Reshape(pool=pool, shape=replace(pool.shape))


def holding(observed: Observed) -> list[str]:
    """The budgets that keep pods on the environment's pools, by name: a drain waits for them for ever."""
    return [
        f"{budget} lets {pod} not go"
        for budget in present(observed.budgets) or ()
        for pod in present(observed.on_pools) or ()
        if pod.counts and budget.holds(pod)
    ]


def listed(things: Iterable[object]) -> str:
    """A few of them, and how many more there are."""
    texts = [str(thing) for thing in things]
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")
