"""Tests of a repository that was renamed or moved to another owner.

Its environments stay if the settings list the former name.
"""

from dataclasses import replace

import pytest

from coppice.components.monitoring.shared import JOBS_KEY
from coppice.environment.key import Key
from coppice.environment.references import ObjectRef, SharedName
from coppice.reconciler.outcome import Done, Stalled
from tests.support.config import CONFIG, REPOSITORY, SERVER, namespace_of
from tests.support.manifests import overlay
from tests.support.monitoring import PATTERN, PRODUCTION, keep, older_kind
from tests.support.program import Program

NEW = "umbrella/todo-app"
SECRET = ObjectRef("v1", "Secret", SERVER.secret)


def before(*branches: str) -> Program:
    """Return a program with complete environments, before the repository is renamed."""
    program = Program(config=replace(CONFIG, databases=SERVER))
    keep(program.world)
    for branch in branches:
        program.stand(branch, (*overlay(), *older_kind(namespace_of(branch))))
    return program


def renamed(program: Program, former: str = REPOSITORY) -> Program:
    """Return the program with the new name in its settings.

    Args:
        program: the program before the change.
        former: the former name to list in the settings; empty lists none.
    """
    return program.with_rules(repository=NEW, former=(former,) if former else ())


def test_a_sweep_finds_all_well_and_no_orphans() -> None:
    program = renamed(before("x", "y"))

    found, orphans = program.reconciler.sweep(most_deletions=5)

    assert (found.keys, found.unread, orphans) == ((), (), ())


def test_the_letters_of_a_name_may_change_without_a_setting() -> None:
    program = before("x").with_rules(repository="Acme/ToDo")

    found, orphans = program.reconciler.sweep(most_deletions=5)

    assert (found.keys, orphans) == ((), ())


@pytest.mark.parametrize("repository", [REPOSITORY, NEW])
def test_a_push_is_applied_under_whichever_name_it_comes(repository: str) -> None:
    program = renamed(before("x"))
    commit = program.push("x", (*overlay(), *older_kind(namespace_of("x"), job="other")))

    program.reconciler.reconcile(Key(repository=repository, branch="x"))
    program.world.settle()
    report = program.reconciler.reconcile(Key(repository=repository, branch="x"))

    assert isinstance(report.outcome, Done)
    assert report.key == {"repository": NEW, "branch": "x"}
    assert report.facts["revision"] == commit
    assert "x-other" in program.world.shared[SharedName.JOBS].data[JOBS_KEY]
    assert "x-pods" not in program.world.shared[SharedName.JOBS].data[JOBS_KEY]


def test_the_mark_of_a_namespace_stays_for_nobody_may_say_that_it_is_somebody_elses() -> None:
    program = renamed(before("x")).with_rules(repository=NEW, former=(REPOSITORY,), labels={"team": "web"})

    program.tell("x")
    program.drain()

    assert program.namespace("x").labels["team"] == "web"
    assert program.namespace("x").annotations["coppice.dev/repository"] == REPOSITORY


@pytest.mark.parametrize("repository", [NEW, REPOSITORY.upper()])
def test_a_login_that_is_due_again_goes_to_the_role_whose_mark_has_the_former_name(repository: str) -> None:
    program = before("x").with_rules(repository=repository, former=(REPOSITORY,))
    program.push("x")
    secret = program.world.objects.pop((namespace_of("x"), SECRET))

    program.tell("x")
    program.drain()

    database = program.world.databases["feature_x"]
    assert (database.owner, database.finished) == (Key(repository=REPOSITORY, branch="x"), True)
    assert program.world.objects[namespace_of("x"), SECRET].manifest["data"] != secret.manifest["data"]


def test_an_environment_goes_with_its_branch_and_nothing_is_left() -> None:
    program = before("x")
    program.ask("x", "apply")
    program.drain()
    program = renamed(program)
    program.delete_branch("x")

    program.sweep()
    program.drain()

    world = program.world
    assert (world.namespaces, world.records, world.requests, world.databases) == ({}, {}, {}, {})
    assert world.every_credential() == ()
    assert world.shared[SharedName.JOBS].data[JOBS_KEY] == PRODUCTION
    assert world.shared[SharedName.SETTINGS].data["pod-annotation-based-scraping"] == PATTERN


def test_a_hold_from_before_goes_on_until_a_push() -> None:
    program = before("x")
    program.ask("x", "hold")
    program.drain()
    program = renamed(program)

    assert program.sweep().keys == ()
    assert program.world.namespaces == {}

    program.push("x")
    program.sweep()
    program.drain()

    assert program.namespace("x").applied
    assert program.world.requests == {}


def test_without_the_setting_nothing_is_touched_and_the_sweep_lists_it() -> None:
    program = renamed(before("x"), former="")
    program.delete_branch("x")
    writes = len(program.world.calls)

    found, orphans = program.reconciler.sweep(most_deletions=5)

    assert found.keys == ()
    assert program.world.writes(since=writes) == []
    assert set(orphans) == {
        f"namespace/feature-x of branch 'x' of {REPOSITORY}",
        f"record/feature-x of branch 'x' of {REPOSITORY}",
        f"database/feature_x of branch 'x' of {REPOSITORY}",
        f"monitoring of feature-x of branch 'x' of {REPOSITORY}",
    }


def test_a_message_of_another_repository_says_whom_this_program_looks_after() -> None:
    report = renamed(before()).reconciler.reconcile(Key(repository="somebody/else", branch="x"))

    assert isinstance(report.outcome, Stalled)
    assert report.outcome.code == "other_repository"
    assert NEW in report.outcome.why
