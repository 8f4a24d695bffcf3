"""What both directions share: the commit that sets the flags, and the barriers between the steps."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from coppice.reconciler.observation import Present, Reading, Unknown, present
from coppice.reconciler.plan import Blocked, Item, Wait, Wave, wave
from scheduler.documents import DocumentError, put
from scheduler.flags import Commit, Head, ObservedFlag
from scheduler.gitops import FlagsInForce, Refresh
from scheduler.observe import Observed
from scheduler.pools import Pool, Reshape

OPERATION = "operation"
_RETRY = 15.0  # seconds: a sync, a reading
_OPERATION_RETRY = 30.0  # seconds: an operation of AKS takes minutes


def unknown_barrier(*readings: Reading[object]) -> Wait | Blocked | None:
    """Return the barrier for the first unknown reading: a wait, or a block if somebody has to act first."""
    for reading in readings:
        if isinstance(reading, Unknown):
            why, code = f"not read: {reading.error}", reading.error.code
            if reading.error.passing:
                return Wait(why, code, reading.error.retry_after or _RETRY)
            return Blocked(why, code)
    return None


def switch_flags(observed: Observed, state: Literal["on", "off"], *, message: str) -> tuple[Item, ...]:
    """Commit a state where Git has another one, with one commit for each branch.

    Args:
        observed: what was observed.
        state: the state that the flags shall have.
        message: the commit's message.

    Returns:
        A wave of commits, a block if a flag cannot be set, or nothing if every flag has the state.
    """
    commits: dict[tuple[str, str, str], dict[str, str]] = {}
    for each, head in _heads(observed.flags):
        current = each.flag.says(head.value)
        if current == state or (state == "on" and current == "neither"):
            continue  # a custom value counts as awake, and is not overwritten
        files = commits.setdefault((each.repository, each.branch, head.commit), {})
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
            for (repository, branch, parent), files in commits.items()
        )
    )


def wait_until_in_force(
    observed: Observed, state: Literal["on", "off"], *, committing: bool, refresh: bool
) -> tuple[Item, ...]:
    """Wait until every GitOps object is in sync, at a commit at which every flag has the state.

    Args:
        observed: what was observed.
        state: the state that the flags shall have.
        committing: whether the plan makes a commit, which no refresh so far can have seen.
        refresh: whether to request a refresh of the objects that are behind.

    Returns:
        The refreshes and the barrier; nothing if the state is in force.
    """
    objects: list[FlagsInForce] = []
    for entry in observed.gitops:
        if isinstance(entry.objects, Unknown):
            return tuple(filter(None, [unknown_barrier(entry.objects)]))
        found = present(entry.objects) or ()
        if not found:
            return (Blocked(f"there is no {entry.sync}: correct the schedule's sync", "no_sync"),)
        objects += found
    unread = _unread_flag(objects, observed.flags)
    if unread is not None:
        return (unread,)
    behind = [(each, why) for each in objects if (why := _why_behind(each, observed.flags, state))]
    stale = [
        each.synced
        for each, _ in behind
        if committing or not (each.synced.refreshing or _has_tried(each, observed.flags))
    ]
    unsynced = [f"{each.synced}: {each.synced.unsynced}" for each in objects if each.synced.unsynced]
    reasons = [*(why for _, why in behind), *unsynced]
    if not reasons:
        return ()
    refreshes = wave(*(Refresh(synced=each) for each in stale)) if refresh else ()
    return (*refreshes, Wait(listed(reasons), "sync", _RETRY))


def _unread_flag(objects: Sequence[FlagsInForce], flags: Sequence[ObservedFlag]) -> Wait | Blocked | None:
    """The barrier for the first flag whose repository no object reads, or none reads yet."""
    for index, flag in enumerate(flags):
        if any(index in each.values for each in objects):
            continue
        new = [
            f"{each.synced} has not synced yet: {each.synced.unsynced}" for each in objects if not each.values
        ]
        if new:
            return Wait(listed(new), "sync", _RETRY)
        why = f"nothing in the schedule's sync reads {flag.repository}, where {flag.flag} is"
        return Blocked(why, "no_sync")
    return None


def _why_behind(in_force: FlagsInForce, flags: Sequence[ObservedFlag], state: Literal["on", "off"]) -> str:
    """Why the commit that an object reports does not have the state; empty if it does."""
    synced = in_force.synced
    for index, value in in_force.values.items():
        flag = flags[index]
        revision = synced.revision(flag.repository, flag.branch)[:12]
        if not isinstance(value, Present):
            return f"{synced} is at {revision}, and {value.error if isinstance(value, Unknown) else ''}"
        says = flag.flag.says(value.value)
        if (says == "off") is not (state == "off"):
            return f"{synced} is at {revision}, where {flag.flag} is {value.value!r}"
    return ""


def _has_tried(in_force: FlagsInForce, flags: Sequence[ObservedFlag]) -> bool:
    """Whether an object knows the newest commits but could not apply them.

    A refresh would replace its error in the status, so it is not refreshed again.
    """
    heads = {flags[index].repository.lower(): present(flags[index].head) for index in in_force.values}
    tried = in_force.synced.tried
    return all(head and tried.get(name) == head.commit for name, head in heads.items())


def _heads(flags: Iterable[ObservedFlag]) -> list[tuple[ObservedFlag, Head]]:
    return [(each, each.head.value) for each in flags if isinstance(each.head, Present)]


def one_by_one(
    changes: Iterable[Reshape], observed: Observed, *, meanwhile: Iterable[str] = ()
) -> tuple[Item, ...]:
    """Put a barrier after each change of a pool: AKS does one operation at a time in a cluster.

    Args:
        changes: the changes, in their order.
        observed: what was observed.
        meanwhile: what else to report while an operation is under way.

    Returns:
        The changes, each followed by a wait until it can be observed; a wait comes first while a pool is
        busy.
    """
    waves = [Wave((change,)) for change in changes]
    if not waves:
        return ()
    busy = [f"{pool} is {pool.provisioning_state}" for pool in present(observed.pools) or () if pool.busy]
    budgets = blocking_budgets(observed) if any(pool.busy for pool in observed.own_pools) else ()
    why = f"AKS does one operation at a time: {listed([*busy, *meanwhile, *budgets])}"
    idle = Wait(why, OPERATION, _OPERATION_RETRY)
    read_back = Wait("the pool is read back before anything else", OPERATION, _RETRY)
    return (*((idle,) if busy else ()), *(item for each in waves for item in (each, read_back)))


def wait_until_idle(observed: Observed) -> tuple[Item, ...]:
    """Wait until no operation of the environment's own pools is under way."""
    busy = [f"{pool} is {pool.provisioning_state}" for pool in observed.own_pools if pool.busy]
    if not busy:
        return ()
    return (Wait(listed([*busy, *blocking_budgets(observed)]), OPERATION, _OPERATION_RETRY),)


def write_again(pool: Pool) -> Reshape:
    """Write a pool without a change: AKS resumes a failed operation when the pool is written again."""
    return Reshape(pool=pool, shape=replace(pool.shape))


def blocking_budgets(observed: Observed) -> list[str]:
    """Name the budgets that keep pods on the environment's pools: a drain waits for them without end."""
    return [
        f"{budget} lets {pod} not go"
        for budget in present(observed.budgets) or ()
        for pod in present(observed.on_pools) or ()
        if pod.occupies_node and budget.blocks_eviction_of(pod)
    ]


def listed(things: Iterable[object]) -> str:
    """List the first five, and count the rest."""
    texts = [str(thing) for thing in things]
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")
