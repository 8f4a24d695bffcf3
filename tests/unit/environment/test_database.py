"""Whose a database is, and whether it is whole."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coppice.components.database import (
    Database,
    mark,
    mark_start,
    marked,
    recognised,
    why_taken,
)
from coppice.environment.key import Key

KEY = Key(repository="acme/todo", branch="feature/login")
OTHER = Key(repository="acme/todo", branch="feature/other")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
ROLE, DATABASE = mark(KEY, "stamp"), mark(KEY)


def bare(oid: int | None = 1, role: int | None = 2) -> Database:
    return Database(
        name="feature_login", oid=oid, role=role, owner=None, login="", finished=False, sessions=3
    )


def observed(
    role: str | None = ROLE,
    database: str | None = DATABASE,
    *,
    oid: int | None = 1,
    owned: bool = True,
    fenced: bool = True,
    signs_in: bool = True,
) -> Database:
    return recognised(bare(oid), comments=(role, database), owned=owned, fenced=fenced, signs_in=signs_in)


@given(repository=NAMES, branch=NAMES, login=st.text(max_size=20))
def test_a_mark_is_read_as_it_was_written(repository: str, branch: str, login: str) -> None:
    key = Key(repository=repository, branch=branch)

    assert marked(mark(key, login)) == (key, login)
    assert mark(key, login).isascii()


@given(keys=st.lists(st.tuples(NAMES, NAMES), min_size=2, max_size=2), stamp=st.text(max_size=20))
@example(keys=[("acme/todo", "feature/login"), ("acme/todo", "feature/login-2")], stamp="")
@example(keys=[("acme/todo", "feature/login"), ("acme/todo", 'feature/login", "login": "x')], stamp="x")
def test_a_mark_starts_as_every_mark_of_its_branch_and_no_other(
    keys: list[tuple[str, str]], stamp: str
) -> None:
    one, other = (Key(repository=repository, branch=branch) for repository, branch in keys)
    marks = mark(one), mark(one, stamp), mark(one, pending=stamp)

    assert all(each.startswith(mark_start(one)) for each in marks)
    assert any(each.startswith(mark_start(other)) for each in marks) is (one == other)


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    "comment",
    [
        None,
        "",
        "kept for the auditors",
        "Coppice made it for: ",
        "Coppice made it for: acme/todo",
        "Coppice made it for: []",
        'Coppice made it for: {"repository": "acme/todo"}',
        'Coppice made it for: {"repository": "", "branch": "x"}',
        'Coppice made it for: {"repository": 1, "branch": "x"}',
        'Coppice made it for: {"repository": "acme/todo", "branch": ["x"]}',
        "Coppice made it for: " + "[" * 100_000,
        " " + DATABASE,
    ],
)
def test_any_other_comment_is_no_mark(comment: str | None) -> None:
    assert marked(comment) is None


def test_what_bears_both_marks_and_is_fenced_is_whole() -> None:
    found = observed()

    assert (found.owner, found.login, found.finished) == (KEY, "stamp", True)
    assert (found.name, found.oid, found.role, found.sessions) == ("feature_login", 1, 2, 3)
    assert why_taken(found, KEY) == ""


@pytest.mark.parametrize(
    "found",
    [
        observed(database=None),
        observed(database="dumped on Monday"),
        observed(database=mark(OTHER)),
        observed(role=mark(KEY)),
        observed(fenced=False),
        observed(signs_in=False),
        observed(oid=None, database=None, owned=False),
    ],
)
def test_what_lacks_anything_is_the_branchs_and_unfinished(found: Database) -> None:
    assert (found.owner, found.finished) == (KEY, False)
    assert why_taken(found, KEY) == ""


@pytest.mark.parametrize(
    "found",
    [
        observed(role=None),
        observed(role=None, database=None),
        observed(role="the head of accounting"),
        observed(owned=False),
        observed(owned=False, database=None),
    ],
)
def test_what_no_marked_role_owns_is_someone_elses_whatever_it_says(found: Database) -> None:
    assert found == bare()
    assert "someone else's, who renames or drops it" in why_taken(found, KEY)


def test_a_role_that_may_not_sign_in_has_no_login() -> None:
    assert observed(signs_in=False).login == ""


def test_what_is_another_branchs_says_whose() -> None:
    found = observed(mark(OTHER, "s"), mark(OTHER))

    assert why_taken(found, KEY) == (
        "database/feature_login belongs to branch 'feature/other' of acme/todo, "
        "so 'feature/login' cannot have it"
    )
    assert why_taken(None, KEY) == ""
