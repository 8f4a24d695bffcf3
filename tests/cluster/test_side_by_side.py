"""Ten branches side by side on a real control plane, five of which go; in the name of the identities that
`deploy/cluster` binds.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.demo.databases import databases
from devtools.demo.world import program, world
from devtools.emulators.postgres.server import PostgresMissingError
from tests.integration.end_to_end.side_by_side import GOING, HOSTILE, SESSIONS, STAYING, Course, play
from tests.integration.end_to_end.stage import Stage

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


def not_the_clusters(document: Any) -> Any:
    """An object without what the cluster's own controllers write when they like: its status, and the account
    of who wrote what and when, but for what it says of others, the program above all. What they alone write,
    pods and endpoints, is left out.
    """
    metadata = dict(document["metadata"])
    metadata.pop("resourceVersion")
    accounts = metadata.pop("managedFields", ())
    others = [each for each in accounts if not each["manager"].startswith(("kube-", "kwok"))]
    if accounts and not others:
        return None
    rest = {name: value for name, value in document.items() if name != "status"}
    return {**rest, "metadata": {**metadata, "managedFields": others}}


@pytest.fixture(scope="module")
def course(kubeconfig: Path, enforced: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    folder = tmp_path_factory.mktemp("side-by-side")
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(databases())
        except PostgresMissingError as error:
            pytest.skip(str(error))
        place = stack.enter_context(world(folder, kubeconfig=kubeconfig, databases=server))
        served = stack.enter_context(program(place, DATABASE_CONNECTIONS=str(SESSIONS)))
        before = Stage(world=place, program=served, branch=HOSTILE).eyes.leftovers()
        stage = Stage(world=place, program=served, branch=HOSTILE, foreign=frozenset(before))
        try:
            yield play(stage, rest=5, part=not_the_clusters)
        finally:
            stage.clear()


def test_ten_stand_each_with_what_is_its_own(course: Course) -> None:
    assert set(course.own) == {*GOING, *STAYING}
    own = course.own.values()
    assert len({(each.host, each.credential, each.login.database) for each in own}) == 10
    refused = {refusal.partition('"')[0] for refusal in course.refusals.values()}
    assert refused == {"permission denied for database "}


def test_a_password_stands_in_its_secret_and_nowhere_else(course: Course) -> None:
    assert course.told == ()


def test_those_that_stay_are_untouched_to_the_byte(course: Course) -> None:
    for branch in STAYING:
        assert len(course.before[branch]) > 25
        before, after = course.before[branch], course.after[branch]
        assert {where for where in {*before, *after} if before.get(where) != after.get(where)} == set()


def test_nothing_is_left_of_those_that_went(course: Course) -> None:
    assert {"Namespace/feature-auth", "credential/coppice-auth", "pg_database"} <= set(course.named)
    assert course.left == ()


def test_a_database_goes_whoever_holds_it_and_it_is_said_how_many_that_were(course: Course) -> None:
    assert course.survivors == 0
    assert [each.partition(": ")[2] for each in course.drops] == [f"{SESSIONS} sessions were ended"]
