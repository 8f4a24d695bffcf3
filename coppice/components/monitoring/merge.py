"""Merges a branch's part into the two ConfigMaps, and removes it. All functions are pure."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from coppice.components.monitoring import jobs, pattern
from coppice.components.monitoring.marks import Owner, Unsafe, marked
from coppice.components.monitoring.shared import (
    HOW_TO_MAKE,
    JOBS_KEY,
    NAMESPACE,
    Part,
    ReplaceShared,
    Shared,
    SharedConfig,
    SharedPart,
)
from coppice.environment.key import Key
from coppice.environment.references import SharedName
from coppice.reconciler.errors import Gone
from coppice.reconciler.plan import Blocked

_MOST_BYTES = 1_000_000  # a ConfigMap may hold 1 MiB


def with_part(shared: Shared, part: Part) -> tuple[ReplaceShared, ...] | Blocked:
    """Return the changes that merge a branch's part.

    Args:
        shared: both ConfigMaps.
        part: the branch's part.

    Returns:
        The changes; empty if the ConfigMaps hold the part already. `Blocked` says why it cannot be merged and
        what to do.
    """
    return _changes(shared, part)


def without_part(shared: Shared, key: Key) -> tuple[ReplaceShared, ...] | Blocked:
    """Return the changes that remove a branch's part.

    Args:
        shared: both ConfigMaps.
        key: the branch.

    Returns:
        The changes; empty if the branch has no part. `Blocked` says why it cannot be removed and what to do.
    """
    return _changes(shared, _none_of(key))


def brought(config: SharedConfig, part: Part) -> SharedConfig:
    """Return a ConfigMap with a branch's part in its desired state.

    Args:
        config: the ConfigMap as it was read.
        part: the branch's part.

    Raises:
        Gone: it can no longer be changed without risk, and somebody has to look at it first.
    """
    try:
        return _edited(config, part)
    except Unsafe as why:
        raise Gone(_left_alone(config, why)) from why


def taken_out(config: SharedConfig, key: Key) -> SharedConfig:
    """Return a ConfigMap without a branch's part.

    Args:
        config: the ConfigMap as it was read.
        key: the branch.

    Raises:
        Gone: it can no longer be changed without risk, and somebody has to look at it first.
    """
    return brought(config, _none_of(key))


def removals(shared: Shared, key: Key, slug: str) -> SharedPart | Blocked | None:
    """Return a branch's part as a subject of a removal.

    Args:
        shared: both ConfigMaps.
        key: the branch.
        slug: its slug.

    Returns:
        The part; `None` if the branch has none. `Blocked` says why it cannot be removed.
    """
    changes = without_part(shared, key)
    if isinstance(changes, Blocked):
        return changes
    return (
        SharedPart(owner=key, slug=slug, replacements=tuple(each.config for each in changes))
        if changes
        else None
    )


def owners(shared: Shared) -> tuple[Owner, ...]:
    """Return every owner of a part, so that orphaned parts can be found."""
    texts = [text for config in (shared.jobs, shared.settings) if config for text in config.data.values()]
    return tuple(dict.fromkeys(owner for text in texts for owner in marked(text)))


def lost(shared: Shared, key: Key, names: Iterable[SharedName]) -> tuple[SharedName, ...]:
    """Return the ConfigMaps that no longer hold a branch's part, for example because one was reverted.

    Args:
        shared: the ConfigMaps.
        key: the branch.
        names: the ConfigMaps that should hold its part.
    """
    configs = {name: shared.of(name) for name in names}
    return tuple(
        name
        for name, config in configs.items()
        if config is None or not any(_has(text, key) for text in config.data.values())
    )


def _changes(shared: Shared, part: Part) -> tuple[ReplaceShared, ...] | Blocked:
    found: list[ReplaceShared] = []
    for name in SharedName:
        config = shared.of(name)
        if config is None:
            if name in part.names:
                return Blocked(f"{NAMESPACE} has no ConfigMap {name}: {HOW_TO_MAKE}", "not_set_up")
            continue
        try:
            edited = _edited(config, part)
        except Unsafe as why:
            return Blocked(_left_alone(config, why), "monitoring")
        if edited != config:
            found.append(ReplaceShared(config=edited, part=part))
    return tuple(found)


def _none_of(key: Key) -> Part:
    return Part(owner=Owner(key=key, namespace=""), slug="")


def _left_alone(config: SharedConfig, why: Unsafe) -> str:
    return f"{config} is left as it is: {why}"


def _edited(config: SharedConfig, part: Part) -> SharedConfig:
    wanted = config.name in part.names
    if not wanted and not any(_has(text, part.owner.key) for text in config.data.values()):
        return config
    edit = _edit_jobs if config.name is SharedName.JOBS else _edit_settings
    return replace(config, data=edit(config.data, part))


@contextlib.contextmanager
def _entry(key: str) -> Iterator[None]:
    """Add the entry's name to the message of an `Unsafe` that is raised inside."""
    try:
        yield
    except Unsafe as why:
        raise Unsafe(f"its entry {key}: {why}") from why


def _edit_jobs(data: Mapping[str, str], part: Part) -> Mapping[str, str]:
    text = _text(data, JOBS_KEY)
    with _entry(JOBS_KEY):
        return _with_jobs(data, text, part)


def _with_jobs(data: Mapping[str, str], text: str, part: Part) -> Mapping[str, str]:
    foreign, blocks = jobs.split(text)
    _check(foreign, part.owner, [each.owner for each in blocks])
    others = [each for each in blocks if each.owner.key != part.owner.key]
    mine = []
    if part.jobs:
        taken = jobs.names(foreign).union(*(each.names for each in others))
        mine = [jobs.block(part.owner, _named(part, taken))]
    if [each for each in blocks if each.owner.key == part.owner.key] == mine:
        return data
    return _with(data, JOBS_KEY, jobs.join(foreign, [*others, *mine]))


def _edit_settings(data: Mapping[str, str], part: Part) -> Mapping[str, str]:
    current = pattern.key_of(data)
    for key in pattern.KEYS:  # the settings may have had another schema version when ours were inserted
        mine = [part.owner] if part.annotated and key == current else []
        if not mine and not _has(data.get(key, ""), part.owner.key):
            continue
        if pattern.lacks_line(data.get(key, "")):
            helps = HOW_TO_MAKE if key == current else "take its `# coppice:` marks out by hand"
            raise Unsafe(f"its entry {key} has no line `podannotationnamespaceregex = …`: {helps}")
        text = _text(data, key)
        with _entry(key):
            foreign, there = pattern.split(text)
            _check(foreign, part.owner, there)
            others = [owner for owner in there if owner.key != part.owner.key]
            data = _with(data, key, pattern.join(foreign, [*others, *mine]))
    return data


def _has(text: str, key: Key) -> bool:
    return any(owner.key == key for owner in marked(text))


def _text(data: Mapping[str, str], key: str) -> str:
    if key not in data:
        raise Unsafe(f"it has no entry {key}: add one")
    return data[key]


def _with(data: Mapping[str, str], key: str, text: str) -> Mapping[str, str]:
    changed = {**data, key: text}
    if sum(len(each.encode()) for each in changed.values()) > _MOST_BYTES:
        raise Unsafe(
            f"it would make the ConfigMap more than {_MOST_BYTES} bytes: shorten it, or remove others"
        )
    return changed


def _check(foreign: str, owner: Owner, there: Iterable[Owner]) -> None:
    if _has(foreign, owner.key):
        raise Unsafe(f"lines of {owner} in it have been edited: take them out by hand, with their marks")
    for each in there:
        if each.namespace == owner.namespace and each.key != owner.key:
            raise Unsafe(f"the part of namespace {each.namespace} belongs to {each}")


def _named(part: Part, taken: frozenset[str]) -> list[Mapping[str, Any]]:
    """Return a part's jobs under unique names.

    Two branches can have a job of the same name: for example, branch `a` with the job `b-c` and branch `a-b`
    with the job `c`.
    """
    suffix = hashlib.sha256(f"{part.owner.key.repository}\0{part.owner.key.branch}".encode()).hexdigest()[:10]
    named: list[Mapping[str, Any]] = []
    for job in part.jobs:
        name = job["job_name"]
        free = name if name not in taken else f"{name}-{suffix}"
        if free in taken:
            raise Unsafe(f"it has a job {name} already: give yours another name")
        named.append({**job, "job_name": free})
        taken |= {free}
    return named
