"""Whatever statement was the last: done once more, it comes to the same end."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import psycopg
import pytest

from coppice.components.database import Database
from coppice.components.removal import Owned
from tests.integration.adapters.postgres.stage import (
    KEY,
    NAME,
    TEMPLATE,
    Crash,
    Stage,
    crashing_at,
    statements,
)


def cut_short_everywhere(execute: Callable[[], object], check: Callable[[], None]) -> int:
    """Act, and end before the first statement, then before the second, and so on to the end.

    Returns:
        How many statements there were.
    """
    for number in range(100):
        with crashing_at(number) as made:
            try:
                execute()
            except Crash:
                pass
            else:
                return len(made)
        check()
    raise AssertionError("it never ends")


def test_a_database_is_made_whole_wherever_making_it_was_cut_short(stage: Stage) -> None:
    stage.template()
    change = stage.change(template=TEMPLATE)

    def ours_and_not_yet_open() -> None:
        found = stage.reader.get(NAME)
        assert found is None or (found.owner, found.login, found.finished) == (KEY, "", False)
        stage.make(template=TEMPLATE)
        with stage.signed_in() as branch:
            branch.execute("ALTER TABLE app.users ADD COLUMN born date")
            stage.leave(branch)
        stage.drop()

    assert cut_short_everywhere(lambda: stage.writer.create(change), ours_and_not_yet_open) > 5


def test_a_database_is_made_even_if_each_run_makes_one_round_trip_more(stage: Stage) -> None:
    stage.template()

    count = cut_short_everywhere(lambda: stage.writer.create(stage.change(template=TEMPLATE)), lambda: None)

    assert count > 3
    assert stage.make(template=TEMPLATE).finished
    with stage.signed_in() as branch:
        branch.execute("ALTER TABLE app.users ADD COLUMN born date")


@pytest.mark.parametrize("looks_again", [True, False])
def test_a_database_is_dropped_wherever_dropping_it_was_cut_short(stage: Stage, looks_again: bool) -> None:
    made = stage.make()

    def drop() -> None:
        stage.dropper.drop(Owned(made))

    def drop_on_and_make_anew() -> None:
        nonlocal made
        left = stage.reader.get(NAME)
        if left is not None:
            assert left.owner == KEY
            stage.dropper.drop(Owned(left if looks_again else made))
        assert stage.reader.get(NAME) is None
        made = stage.make()

    assert cut_short_everywhere(drop, drop_on_and_make_anew) > 4
    assert stage.reader.get(NAME) is None


def test_a_branch_that_comes_back_while_its_database_is_half_gone_gets_a_whole_one(stage: Stage) -> None:
    made = stage.make()

    def come_back() -> None:
        nonlocal made
        made = stage.make()
        assert made.finished
        with stage.signed_in() as branch:
            stage.leave(branch)

    cut_short_everywhere(lambda: stage.dropper.drop(Owned(made)), come_back)


def refused(session: AbstractContextManager[object]) -> bool:
    try:
        with session:
            return False
    except psycopg.OperationalError:
        return True


def test_there_is_no_moment_at_which_a_stranger_may_connect(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.superuser.execute("CREATE ROLE stranger LOGIN PASSWORD 'pw-stranger'")
    asked = []
    statements(monkeypatch, lambda *_: asked.append(refused(stage.signed_in("stranger", NAME))))

    stage.make()

    assert len(asked) > 7
    assert all(asked)


def test_nobody_comes_back_once_sessions_are_being_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.make()
    asked = []

    def watch(_: int, text: str) -> None:
        if "pg_terminate_backend" in text:
            asked.append((refused(stage.signed_in()), refused(stage.inside(NAME))))

    statements(monkeypatch, watch)
    stage.drop()

    assert asked == [(True, True)]


def test_a_role_that_has_to_stay_loses_its_name_wherever_that_was_cut_short(stage: Stage) -> None:
    def made() -> Database:
        new = stage.make()
        stage.superuser.execute("GRANT TEMP ON DATABASE postgres TO feature_login")
        return new

    subject = made()

    def drop_on_and_make_anew() -> None:
        nonlocal subject
        standing = stage.reader.get(NAME)
        if standing is not None:
            assert standing.owner == KEY
            stage.dropper.drop(Owned(standing))
        assert stage.reader.get(NAME) is None
        subject = made()

    assert cut_short_everywhere(lambda: stage.dropper.drop(Owned(subject)), drop_on_and_make_anew) > 8
    assert stage.reader.get(NAME) is None
