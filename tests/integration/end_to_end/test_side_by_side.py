"""Ten branches have complete environments side by side; five go, and nobody else notices."""

from collections.abc import Iterator

import pytest

from devtools.demo.world import World, program
from devtools.emulators.postgres.server import PostgresMissingError, binaries
from tests.integration.end_to_end.side_by_side import GOING, HOSTILE, SESSIONS, STAYING, Course, play
from tests.integration.end_to_end.stage import Stage


@pytest.fixture(scope="module")
def course(place: World) -> Iterator[Course]:
    try:
        binaries()
    except PostgresMissingError as error:
        pytest.skip(str(error))
    with program(place, name="side-by-side", DATABASE_CONNECTIONS=str(SESSIONS)) as served:
        stage = Stage(world=place, program=served, branch=HOSTILE)
        try:
            yield play(stage)
        finally:
            stage.clear()


def test_each_of_ten_has_host_credential_database_and_password_of_its_own(course: Course) -> None:
    assert set(course.own) == {*GOING, *STAYING}
    own = course.own.values()
    assert len({each.host for each in own}) == 10
    assert len({each.credential for each in own}) == 10
    assert len({each.login.database for each in own}) == 10
    assert len({each.login.password for each in own}) == 10


def test_no_login_opens_the_database_of_a_neighbour(course: Course) -> None:
    assert len(course.refusals) == 10 * 9
    for (_, other), refusal in course.refusals.items():
        database = course.own[other].login.database
        assert refusal == f'permission denied for database "{database}"'


def test_a_password_stands_in_its_secret_and_nowhere_else(course: Course) -> None:
    assert course.told == ()


def test_those_that_stay_are_untouched_to_the_byte(course: Course) -> None:
    for branch in STAYING:
        assert len(course.before[branch]) > 30
        assert course.after[branch] == course.before[branch]


def test_nothing_is_left_of_those_that_went(course: Course) -> None:
    assert {"Namespace/feature-auth", "credential/coppice-auth", "pg_database"} <= set(course.named)
    assert course.left == ()


def test_a_database_goes_whoever_holds_it_and_it_is_said_how_many_that_were(course: Course) -> None:
    assert course.survivors == 0
    assert [each.partition(": ")[2] for each in course.drops] == [f"{SESSIONS} sessions were ended"]
