"""Tests of the HTTP API of environments."""

import json
from collections.abc import Callable

import pytest

from app.http.environments import branch_of, environment_response, environments_response
from coppice.diagnostics.inspection import Inspection, ObjectStatus
from coppice.environment.key import Key
from coppice.reconciler.errors import Conflict, Failure, Forbidden, NotSetUp, Throttled, Unreachable
from coppice.reconciler.observation import Present
from tests.support.builders import SETTINGS
from tests.support.config import key
from tests.support.manifests import config_map, overlay
from tests.support.program import Program
from tests.support.world import START

HOSTILE = [
    'x";drop-database;--',
    "$(reboot)",
    "ünïcödé/🌳",
    "a" * 3000,
    "-",
    "<script>alert(1)</script>",
]


def failing(at: str, failure: Failure) -> Callable[[str], None]:
    def before(what: str) -> None:
        if what.startswith(at):
            raise failure

    return before


def body(program: Program, branch: str) -> dict[str, object]:
    """Return the response to a GET of one branch, which must be JSON."""
    observed, verdict, plan = program.reconciler.explain(key(branch))
    answer = environment_response(observed, verdict, plan, program.reconciler.inspect(observed))
    assert answer.status == 200
    loaded: dict[str, object] = json.loads(json.dumps(answer.body))
    return loaded


@pytest.mark.parametrize(
    ("route", "branch"),
    [
        ("feature/x", "feature/x"),
        ("feature%2Fx", "feature/x"),
        ("feature%2fx", "feature/x"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_branch_is_named_by_the_whole_rest_of_the_path(route: str | None, branch: str) -> None:
    assert branch_of(route) == branch


@pytest.mark.parametrize("action", ["hold", "apply"])
def test_asking_writes_a_request_and_queues_the_key_and_does_nothing_else(action: str) -> None:
    program = Program()
    program.stand("x")
    before = len(program.world.calls)

    answer = program.ask("x", action)

    assert answer.status == 202
    assert answer.body["queued"] == {"repository": "acme/todo", "branch": "x"}
    assert program.world.writes(since=before) == ["write request/x"]
    assert [message for _, message in program.queue] == [key("x").to_message()]
    (request,) = program.world.requests.values()
    assert (request.action, request.commit) == (action, program.world.heads["x"])


@pytest.mark.parametrize("action", ["hold", "apply"])
def test_asking_without_a_branch_is_an_error(action: str) -> None:
    program = Program()

    assert program.ask("", action).status == 400
    assert program.queue == []


def test_a_branch_that_does_not_exist_gets_no_environment() -> None:
    answer = Program().ask("nowhere", "apply")

    assert answer.status == 404
    assert "no branch 'nowhere'" in str(answer.body)


def test_deleting_the_environment_of_a_branch_that_is_gone_needs_no_hold() -> None:
    program = Program()
    program.stand("x")
    program.delete_branch("x")

    assert program.ask("x", "hold").status == 202
    program.drain()

    assert (program.world.namespaces, program.world.requests) == ({}, {})


@pytest.mark.parametrize(("branch", "why"), [("release/1", "BRANCHES_EXCLUDE"), ("main", "default branch")])
def test_an_excluded_branch_cannot_be_asked_for(branch: str, why: str) -> None:
    program = Program()
    program.world.heads.setdefault(branch, "1" * 40)

    answer = program.ask(branch, "apply")

    assert answer.status == 409
    assert why in str(answer.body)
    assert program.queue == []


@pytest.mark.parametrize(
    ("at", "failure", "status"),
    [
        ("read repository", Unreachable("reset"), 503),
        ("read head", Throttled("slow down", retry_after=5), 503),
        ("read books", Forbidden("grant the role"), 503),
        ("write request", Conflict("someone else asked"), 409),
        ("write request", NotSetUp("deploy/cluster/install"), 503),
    ],
)
def test_what_fails_outside_is_an_answer_and_queues_nothing(at: str, failure: Failure, status: int) -> None:
    program = Program()
    program.stand("x")
    program.world.before = failing(at, failure)

    answer = program.ask("x", "hold")

    assert answer.status == status
    assert answer.body == {"error": {"code": failure.code, "message": failure.message}}
    assert program.queue == []


@pytest.mark.parametrize("branch", HOSTILE)
@pytest.mark.parametrize("action", ["hold", "apply"])
def test_a_hostile_name_is_a_name_like_any_other(branch: str, action: str) -> None:
    program = Program()

    assert program.ask(branch, action).status in {202, 404}

    program.push(branch)
    assert program.ask(branch, action).status == 202
    program.drain()
    json.dumps(body(program, branch))


@pytest.mark.parametrize("branch", ["../../etc/passwd", "x\0y", " ", "a..b"])
@pytest.mark.parametrize("action", ["hold", "apply"])
def test_a_name_that_git_has_no_branch_for_is_an_error(branch: str, action: str) -> None:
    program = Program()

    answer = program.ask(branch, action)

    assert answer.status == 400
    assert f"Git has no branch {branch!r}" in str(answer.body["error"]["message"])  # type: ignore[index]
    assert program.queue == []


@pytest.mark.parametrize("branch", ["\ud800", "a" * 60_000])
def test_a_name_that_no_message_could_carry_is_an_error(branch: str) -> None:
    program = Program()

    assert program.ask(branch, "apply").status == 400
    assert program.queue == []


def test_explaining_shows_what_is_observed_wanted_and_planned_and_changes_nothing() -> None:
    program = Program()
    program.stand("x", overlay(config_map("old")))
    commit = program.push("x")
    before = len(program.world.calls)

    told = body(program, "x")

    assert program.world.writes(since=before) == []
    assert told["wanted"] == {
        "verdict": "present",
        "commit": commit,
        "due": f"the branch is at {commit[:12]}",
    }
    assert told["result"] == "Ready"
    assert told["url"] == "http://feature-x.dev.example.com/"
    plan = json.dumps(told["plan"])
    assert "apply Deployment/web" in plan
    assert "write record/feature-x" in plan


def test_explaining_a_branch_that_never_was_says_so() -> None:
    told = body(Program(), "nowhere")

    assert told["wanted"] == {"verdict": "absent", "why": "the branch does not exist"}
    assert told["outcome"] == {"kind": "Done", "code": "done", "why": "nothing of this branch is left"}


def test_explaining_tells_what_could_not_be_read() -> None:
    program = Program()
    program.stand("x")
    program.world.before = failing("get namespace", Unreachable("connection reset"))

    told = body(program, "x")

    assert "unknown: connection reset" in json.dumps(told["observed"])


def test_explaining_a_twin_says_why_it_cannot_have_the_namespace() -> None:
    program = Program()
    program.stand("x")
    program.push("feature/x")

    told = body(program, "feature/x")

    assert "belongs to branch 'x'" in json.dumps(told["outcome"])
    assert told["revision"] is None


def test_a_list_names_every_branch_that_has_or_should_have_or_left_something() -> None:
    program = Program()
    for branch in ("up", "gone"):
        program.stand(branch)
    program.push("missing")
    program.push("release/1")
    program.delete_branch("gone")

    answer = environments_response(program.reconciler.apply_context())

    rows = json.loads(json.dumps(answer.body))["environments"]
    verdicts = {row["branch"]: row["wanted"]["verdict"] for row in rows}
    assert verdicts == {"gone": "absent", "missing": "present", "up": "present"}
    pending = {row["branch"]: row["pending"] for row in rows}
    assert pending["up"] == []
    assert "delete namespace/feature-gone" in pending["gone"]
    assert pending["missing"] == ["to be built: the environment does not stand"]


def test_a_key_says_nothing_but_the_branch() -> None:
    key = Key(repository="acme/todo", branch="x", former="acme/old")
    assert json.loads(key.to_message()) == {"repository": "acme/todo", "branch": "x"}


def test_explaining_after_a_closer_look_shows_the_environment_part_by_part() -> None:
    program = Program()
    program.stand("x")
    observed, verdict, plan = program.reconciler.explain(key("x"))
    inspection = Inspection(objects=Present((ObjectStatus(ref=SETTINGS, created=START),)))

    told = json.loads(json.dumps(environment_response(observed, verdict, plan, inspection).body))

    assert told["parts"]["identity"]["stands"] == ["credential/rg/id-0/coppice-x"]
    assert told["parts"]["application"]["stands"] == ["ConfigMap/settings"]
    missing = told["parts"]["application"]["missing"]
    assert any(each.startswith("Deployment/web is gone: PUT /api/environments/x") for each in missing)
