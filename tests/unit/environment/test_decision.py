from dataclasses import replace
from datetime import timedelta

import pytest

from coppice.components.namespace import IDENTITY, PART_OF, POD_SECURITY, REVISION
from coppice.components.observed import Observed
from coppice.lifecycle.decision import Ensure, Rejected, Skip, TearDown, Verdict, decide
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Absent, Present, Unknown
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
from tests.support.config import CONFIG
from tests.support.world import START

RESET = Unknown(Unreachable("connection reset"))
OTHER = "b" * 40
A_DAY_AGO = START - timedelta(hours=24)


def decided(observed: Observed) -> Verdict:
    return decide(observed, config=CONFIG, now=START)


def due(observed: Observed) -> str:
    verdict = decided(observed)
    assert isinstance(verdict, Ensure)
    return verdict.due


def test_an_environment_that_is_well_stays_as_it_is() -> None:
    assert decided(sight()) == Ensure(COMMIT)


@pytest.mark.parametrize("unread", ["head", "records", "namespace"])
def test_what_was_not_read_decides_nothing(unread: str) -> None:
    verdict = decided(sight(**{unread: RESET}))

    assert isinstance(verdict, Skip)
    assert verdict.unknown
    assert "connection reset" in verdict.why


def test_unread_books_keep_even_a_branch_that_is_gone() -> None:
    assert isinstance(decided(sight(head=Absent(), records=RESET)), Skip)


def test_a_branch_that_is_gone_has_no_environment() -> None:
    assert decided(sight(head=Absent())) == TearDown("the branch does not exist")


def test_a_branch_that_is_gone_has_no_environment_even_if_it_is_excluded_since() -> None:
    assert isinstance(decided(sight("release/1", head=Absent())), TearDown)


def test_an_excluded_branch_is_left_alone() -> None:
    verdict = decided(sight("release/1"))

    assert isinstance(verdict, Skip)
    assert not verdict.unknown


def test_the_default_branch_is_left_alone_unless_it_has_an_environment_from_before() -> None:
    nothing = decided(sight("main", records=noting(None), namespace=Absent()))
    assert isinstance(nothing, Skip)
    assert not nothing.unknown
    twin = decided(sight("main", records=noting(record_of("feature/main")), namespace=Absent()))
    assert isinstance(twin, Skip)
    assert isinstance(decided(sight("main")), TearDown)


def test_a_hold_takes_the_environment_away_while_the_branch_stays_at_its_commit() -> None:
    hold = request_of("x", "hold", COMMIT)

    assert isinstance(decided(sight(records=noting(record_of("x"), hold))), TearDown)


def test_a_hold_ends_when_the_branch_moves_on() -> None:
    hold = request_of("x", "hold", OTHER)

    assert decided(sight(records=noting(record_of("x"), hold))) == Ensure(COMMIT)


def test_an_overlay_that_was_refused_is_not_built_again() -> None:
    stall = stall_of()

    assert decided(sight(records=noting(record_of("x", stall=stall)))) == Rejected(COMMIT, stall)


def test_an_overlay_that_was_refused_when_it_was_asked_for_is_not_built_for_the_same_request_again() -> None:
    asked = request_of("x", "apply")
    record = record_of("x", stall=stall_of(asked=asked.at))

    assert isinstance(decided(sight(records=noting(record, asked))), Rejected)


REFUSED_BEFORE = {
    "the branch has moved": (stall_of(commit=OTHER), None),
    "the settings have changed": (stall_of(digest="settings-0"), None),
    "it was long ago": (stall_of(at=A_DAY_AGO), None),
    "someone asks": (stall_of(), request_of("x", "apply")),
}


@pytest.mark.parametrize(("stall", "request_"), REFUSED_BEFORE.values(), ids=REFUSED_BEFORE)
def test_an_overlay_that_was_refused_is_built_again_if(stall: object, request_: object) -> None:
    record = replace(record_of("x"), stall=stall)  # type: ignore[arg-type]  # a table of both

    verdict = decided(sight(records=noting(record, request_)))  # type: ignore[arg-type]

    assert isinstance(verdict, Ensure)


def labelled(**labels: str) -> Observed:
    namespace = namespace_for("x")
    return sight(namespace=Present(replace(namespace, labels={**namespace.labels, **labels})))


DUE = {
    "it does not stand": (sight(namespace=Absent()), "does not stand"),
    "its record is lost": (sight(records=noting(None)), "does not stand"),
    "its record names no identity": (
        sight(records=noting(record_of("x", identities={}))),
        "does not stand",
    ),
    "it was never applied whole": (
        sight(namespace=Present(namespace_for("x", annotations={IDENTITY: "rg/id-0"}))),
        "nothing has been applied whole",
    ),
    "its annotations are spoilt": (
        sight(namespace=Present(namespace_for("x", annotations={REVISION: COMMIT}))),
        "nothing has been applied whole",
    ),
    "the branch has moved": (sight(head=Present(OTHER)), "the branch is at bbbbbbbbbbbb"),
    "the settings have changed": (
        sight(namespace=Present(namespace_for("x", applied(digest="settings-0")))),
        "settings that render it have changed",
    ),
    "it was cut short": (sight(records=noting(record_of("x", rendered=f"{OTHER}:settings-1"))), "cut short"),
    "someone asked": (sight(records=noting(record_of("x"), request_of("x", "apply"))), "asked for"),
    "it is old": (
        sight(namespace=Present(namespace_for("x", applied(at=A_DAY_AGO)))),
        "last applied 2026-03-01 09:00 UTC",
    ),
    "a pool is new to it": (sight(records=noting(record_of("x", identities={"db": "rg/db"}))), "pool"),
    "its labels were changed": (labelled(**{PART_OF: "y"}), "labels"),
}


@pytest.mark.parametrize(("observed", "why"), DUE.values(), ids=DUE)
def test_its_overlay_is_due_if(observed: Observed, why: str) -> None:
    assert why in due(observed)


def test_a_request_that_was_answered_is_not_due_again() -> None:
    asked = request_of("x", "apply")
    namespace = namespace_for("x", applied(asked=asked.at))

    assert due(sight(records=noting(record_of("x"), asked), namespace=Present(namespace))) == ""


def test_a_stricter_pod_security_than_ours_is_left_as_the_overlay_has_it() -> None:
    assert due(labelled(**{POD_SECURITY: "restricted"})) == ""


def test_a_label_that_someone_added_makes_nothing_due() -> None:
    assert due(labelled(team="blue")) == ""


def test_a_stall_on_the_record_of_the_twin_says_nothing_about_this_branch() -> None:
    record = record_of("x", stall=stall_of())

    assert not isinstance(decided(sight("feature/x", records=noting(record))), Rejected)
