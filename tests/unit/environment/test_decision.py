from dataclasses import replace
from datetime import timedelta

import pytest

from coppice.components.namespace import IDENTITY, PART_OF, POD_SECURITY, REVISION
from coppice.lifecycle.decision import Gone, Leave, Present, Refused, Verdict, wanted
from coppice.lifecycle.observe_branch import Observed
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Absent, Standing, Unknown
from tests.support.builders import (
    COMMIT,
    applied,
    namespace_for,
    noting,
    record_of,
    request_of,
    sight,
    stall_of,
)
from tests.support.config import RULES
from tests.support.world import START

RESET = Unknown(Unreachable("connection reset"))
OTHER = "b" * 40
A_DAY_AGO = START - timedelta(hours=24)


def decided(seen: Observed) -> Verdict:
    return wanted(seen, rules=RULES, now=START)


def due(seen: Observed) -> str:
    verdict = decided(seen)
    assert isinstance(verdict, Present)
    return verdict.due


def test_an_environment_that_is_well_stays_as_it_is() -> None:
    assert decided(sight()) == Present(COMMIT)


@pytest.mark.parametrize("unread", ["head", "books", "namespace"])
def test_what_was_not_read_decides_nothing(unread: str) -> None:
    verdict = decided(sight(**{unread: RESET}))

    assert isinstance(verdict, Leave)
    assert verdict.unknown
    assert "connection reset" in verdict.why


def test_unread_books_keep_even_a_branch_that_is_gone() -> None:
    assert isinstance(decided(sight(head=Absent(), books=RESET)), Leave)


def test_a_branch_that_is_gone_has_no_environment() -> None:
    assert decided(sight(head=Absent())) == Gone("the branch does not exist")


def test_a_branch_that_is_gone_has_no_environment_even_if_it_is_excluded_since() -> None:
    assert isinstance(decided(sight("release/1", head=Absent())), Gone)


def test_an_excluded_branch_is_left_alone() -> None:
    verdict = decided(sight("release/1"))

    assert isinstance(verdict, Leave)
    assert not verdict.unknown


def test_the_default_branch_is_left_alone_unless_it_has_an_environment_from_before() -> None:
    nothing = decided(sight("main", books=noting(None), namespace=Absent()))
    assert isinstance(nothing, Leave)
    assert not nothing.unknown
    twin = decided(sight("main", books=noting(record_of("feature/main")), namespace=Absent()))
    assert isinstance(twin, Leave)
    assert isinstance(decided(sight("main")), Gone)


def test_a_hold_takes_the_environment_away_while_the_branch_stays_at_its_commit() -> None:
    hold = request_of("x", "hold", COMMIT)

    assert isinstance(decided(sight(books=noting(record_of("x"), hold))), Gone)


def test_a_hold_ends_when_the_branch_moves_on() -> None:
    hold = request_of("x", "hold", OTHER)

    assert decided(sight(books=noting(record_of("x"), hold))) == Present(COMMIT)


def test_an_overlay_that_was_refused_is_not_built_again() -> None:
    stall = stall_of()

    assert decided(sight(books=noting(record_of("x", stall=stall)))) == Refused(COMMIT, stall)


def test_an_overlay_that_was_refused_when_it_was_asked_for_is_not_built_for_the_same_request_again() -> None:
    asked = request_of("x", "apply")
    record = record_of("x", stall=stall_of(asked=asked.at))

    assert isinstance(decided(sight(books=noting(record, asked))), Refused)


REFUSED_BEFORE = {
    "the branch has moved": (stall_of(commit=OTHER), None),
    "the settings have changed": (stall_of(digest="settings-0"), None),
    "it was long ago": (stall_of(at=A_DAY_AGO), None),
    "someone asks": (stall_of(), request_of("x", "apply")),
}


@pytest.mark.parametrize(("stall", "request_"), REFUSED_BEFORE.values(), ids=REFUSED_BEFORE)
def test_an_overlay_that_was_refused_is_built_again_if(stall: object, request_: object) -> None:
    record = replace(record_of("x"), stall=stall)  # type: ignore[arg-type]  # a table of both

    verdict = decided(sight(books=noting(record, request_)))  # type: ignore[arg-type]

    assert isinstance(verdict, Present)


def labelled(**labels: str) -> Observed:
    namespace = namespace_for("x")
    return sight(namespace=Standing(replace(namespace, labels={**namespace.labels, **labels})))


DUE = {
    "it does not stand": (sight(namespace=Absent()), "does not stand"),
    "its record is lost": (sight(books=noting(None)), "does not stand"),
    "its record names no identity": (
        sight(books=noting(record_of("x", identities={}))),
        "does not stand",
    ),
    "it was never applied whole": (
        sight(namespace=Standing(namespace_for("x", annotations={IDENTITY: "rg/id-0"}))),
        "nothing has been applied whole",
    ),
    "its annotations are spoilt": (
        sight(namespace=Standing(namespace_for("x", annotations={REVISION: COMMIT}))),
        "nothing has been applied whole",
    ),
    "the branch has moved": (sight(head=Standing(OTHER)), "the branch is at bbbbbbbbbbbb"),
    "the settings have changed": (
        sight(namespace=Standing(namespace_for("x", applied(digest="settings-0")))),
        "settings that render it have changed",
    ),
    "it was cut short": (sight(books=noting(record_of("x", rendered=f"{OTHER}:settings-1"))), "cut short"),
    "someone asked": (sight(books=noting(record_of("x"), request_of("x", "apply"))), "asked for"),
    "it is old": (
        sight(namespace=Standing(namespace_for("x", applied(at=A_DAY_AGO)))),
        "last applied 2026-03-01 09:00 UTC",
    ),
    "a pool is new to it": (sight(books=noting(record_of("x", identities={"db": "rg/db"}))), "pool"),
    "its labels were changed": (labelled(**{PART_OF: "y"}), "labels"),
}


@pytest.mark.parametrize(("seen", "why"), DUE.values(), ids=DUE)
def test_its_overlay_is_due_if(seen: Observed, why: str) -> None:
    assert why in due(seen)


def test_a_request_that_was_answered_is_not_due_again() -> None:
    asked = request_of("x", "apply")
    namespace = namespace_for("x", applied(asked=asked.at))

    assert due(sight(books=noting(record_of("x"), asked), namespace=Standing(namespace))) == ""


def test_a_stricter_pod_security_than_ours_is_left_as_the_overlay_has_it() -> None:
    assert due(labelled(**{POD_SECURITY: "restricted"})) == ""


def test_a_label_that_someone_added_makes_nothing_due() -> None:
    assert due(labelled(team="blue")) == ""


def test_a_stall_on_the_record_of_the_twin_says_nothing_about_this_branch() -> None:
    record = record_of("x", stall=stall_of())

    assert not isinstance(decided(sight("feature/x", books=noting(record))), Refused)
