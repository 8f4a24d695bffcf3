"""The rules of apply that hold for every object; the merge is a pure function, so they need no server."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.emulators.kubernetes.apply import FieldsConflict, Manager, apply
from devtools.emulators.kubernetes.fields import decode, encode, flatten

OURS = Manager(name="ours", operation="Apply", api_version="v1")
THEIRS = Manager(name="theirs", operation="Apply", api_version="v1")
NOW = "2026-01-01T00:00:00Z"

names = st.sampled_from(["a", "b", "c"])
scalars = st.integers(0, 3) | st.text(max_size=2)
maps = st.dictionaries(names, scalars, min_size=1, max_size=3)


def named(fields: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lists whose items have a name of their own."""
    items = st.dictionaries(names, fields, min_size=1, max_size=3)
    return items.map(lambda found: [{"name": name, **item} for name, item in found.items()])


containers = named(
    st.fixed_dictionaries(
        {}, optional={"image": scalars, "args": st.lists(scalars, min_size=1), "env": named(st.just({}))}
    )
)
objects = st.fixed_dictionaries(
    {"metadata": st.fixed_dictionaries({}, optional={"labels": maps})},
    optional={
        "data": maps,
        "spec": st.fixed_dictionaries(
            {}, optional={"replicas": scalars, "selector": maps, "containers": containers}
        ).filter(bool),
    },
)


def applied(live: dict[str, Any], document: dict[str, Any], manager: Manager, *, force: bool = True) -> Any:
    return apply(live, document, manager, force=force, now=NOW)


@given(objects)
def test_paths_survive_being_written_down(document: dict[str, Any]) -> None:
    paths = set(flatten(document))

    assert decode(encode(paths)) == paths


@given(objects, objects)
def test_what_one_manager_applies_is_what_stands(before: dict[str, Any], after: dict[str, Any]) -> None:
    live = applied(applied({"metadata": {}}, before, OURS), after, OURS)

    assert flatten(live) == flatten(after)


@given(objects, objects)
def test_applying_again_changes_nothing(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    live = applied(applied({"metadata": {}}, theirs, THEIRS), ours, OURS)

    assert applied(live, ours, OURS, force=False) is live


@given(objects, objects)
def test_what_another_one_applied_survives_our_leaving(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    live = applied({"metadata": {}}, theirs, THEIRS)
    try:
        live = applied(live, ours, OURS, force=False)
    except FieldsConflict:
        return

    left = applied(live, {"metadata": {}}, OURS)

    assert flatten(left) == flatten(theirs)


@given(objects, objects)
def test_it_is_a_conflict_exactly_if_a_value_of_theirs_would_change(
    theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    live = applied({"metadata": {}}, theirs, THEIRS)
    before, wanted = flatten(theirs), flatten(ours)

    if any(before[path] != wanted[path] for path in before.keys() & wanted.keys()):
        with pytest.raises(FieldsConflict):
            applied(live, ours, OURS, force=False)
    else:
        assert flatten(applied(live, ours, OURS, force=False)) == before | wanted
