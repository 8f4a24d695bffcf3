"""What people and scripts ask over HTTP, through the host: answers, errors, and what comes of them."""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from devtools.demo.assertions import until
from devtools.demo.world import World, program
from tests.integration.end_to_end.stage import Stage

HOSTILE = [
    'x";drop-database;--',
    "feature/ümlaut",
    "a%b",
    "100%",
    "UPPER/Case",
    "x'or'1'='1",
    "$(reboot)",
    "é" * 40,
]


@pytest.fixture
def standing(stage: Stage) -> Stage:
    """A stage on which one branch has its environment."""
    stage.stand()
    return stage


def environment(branch: str) -> str:
    return f"/api/environments/{quote(branch)}"


def explained(stage: Stage, branch: str) -> dict[str, Any]:
    answer: dict[str, Any] = stage.api.get(environment(branch)).raise_for_status().json()
    return answer


def code(answer: httpx.Response) -> tuple[int, str]:
    """An error's status and code, in the one form that errors have."""
    error = answer.json()["error"]
    assert error.keys() == {"code", "message"}
    assert error["message"]
    return answer.status_code, error["code"]


def test_environments_are_listed(standing: Stage) -> None:
    for path in ("/api/environments", "/api/environments/"):
        [listed] = standing.api.get(path).raise_for_status().json()["environments"]
        assert listed["branch"] == standing.branch
        assert listed["namespace"] == standing.namespace
        assert listed["revision"] == standing.world.heads()[standing.branch]


def test_explaining_a_branch_shows_what_would_be_applied_and_pruned_and_changes_nothing(
    standing: Stage,
) -> None:
    before = standing.eyes.objects(standing.namespace)
    standing.actors.commit(standing.branch, "Other", remove=("../../base/todo-cron",))
    standing.actors.push(standing.branch, webhooks_arrive=False)
    answer = explained(standing, standing.branch)
    changes = [change for item in answer["plan"]["items"] for change in item.get("wave", ())]
    assert "apply Deployment/todo-app-be" in changes
    assert "apply CronJob/todo-cron" not in changes
    assert answer["prunes"] == ["CronJob/todo-cron"]
    assert standing.eyes.objects(standing.namespace) == before


@pytest.mark.parametrize("slash", ["/", "%2F", "%2f"])
def test_a_slash_in_a_branch_may_be_written_in_each_way(standing: Stage, slash: str) -> None:
    path = standing.branch.replace("/", slash)
    answer = standing.api.get(f"/api/environments/{path}").raise_for_status().json()
    assert (answer["branch"], answer["namespace"]) == (standing.branch, standing.namespace)


def test_an_environment_can_be_asked_for(stage: Stage) -> None:
    stage.actors.push(stage.branch, webhooks_arrive=False)
    answer = stage.api.put(environment(stage.branch))
    assert (answer.status_code, answer.json()["queued"]["branch"]) == (202, stage.branch)
    assert stage.stands(stage.branch) == stage.namespace


def test_a_deleted_environment_stays_away_through_sweep_and_restart_until_a_push(
    standing: Stage, place: World
) -> None:
    assert standing.api.delete(environment(standing.branch)).status_code == 202
    until("it is gone", lambda: standing.eyes.environment(standing.branch) is None)
    until("of its books only the hold is left", lambda: len(standing.eyes.records_and_leases()) == 1)
    swept = standing.api.post("/api/sweep").json()
    assert swept["make"] == []

    with program(place, name="restarted") as again:
        restarted = Stage(world=place, program=again, branch=standing.branch)
        assert explained(restarted, standing.branch)["wanted"]["verdict"] == "absent"
        restarted.actors.push(standing.branch)  # of the same commit: GitHub sends nothing
        assert again.http.post("/api/sweep").json()["make"] == []
        restarted.actors.commit(standing.branch, "Come back")
        restarted.actors.push(standing.branch)
        assert restarted.stands(standing.branch) == standing.namespace
    until("the hold is gone", lambda: not requests(standing))


def lines(stage: Stage, correlation_id: str) -> list[dict[str, Any]]:
    """What the program has logged under an ID, as JSON, each line with the word that it begins with."""
    found = re.findall(r" INFO (\w+) (\{.*\})$", stage.program.log.read_text(), flags=re.MULTILINE)
    told = ({"word": word, **json.loads(document)} for word, document in found)
    return [each for each in told if each.get("correlation_id") == correlation_id]


def test_one_push_is_followed_through_answer_log_annotations_and_report(stage: Stage) -> None:
    before = stage.world.heads()
    stage.actors.push(stage.branch, webhooks_arrive=False)
    delivery = stage.world.deliveries_since(before)[-1]
    answer = stage.program.deliver(delivery, secret=stage.world.settings["GITHUB_WEBHOOK_SECRET"])
    sent = answer.request.headers["X-GitHub-Delivery"]
    assert answer.json()["correlation_id"] == answer.headers["x-ms-request-id"] == sent
    stage.stands(stage.branch)
    until("its last run is told", lambda: [each for each in lines(stage, sent) if each.get("code") == "done"])

    queued, *runs = lines(stage, sent)
    assert (queued["word"], {each["word"] for each in runs}) == ("queued", {"run"})
    assert {each["branch"] for each in (queued, *runs)} == {stage.branch}
    namespace = stage.eyes.environment(stage.branch)
    noted = [*stage.eyes.records_and_leases(), *([namespace] if namespace else [])]
    assert len(noted) == 2
    assert {each["metadata"]["annotations"]["coppice.dev/correlation-id"] for each in noted} == {sent}


def test_a_request_that_names_itself_is_found_under_its_name(standing: Stage) -> None:
    name = {"x-ms-client-request-id": f"asked-{uuid.uuid4()}"}
    answer = standing.api.put(environment(standing.branch), headers=name)
    assert answer.json()["correlation_id"] == name["x-ms-client-request-id"]
    until("it is told", lambda: len(lines(standing, name["x-ms-client-request-id"])) > 1)


def test_a_hold_ends_when_the_environment_is_asked_for(standing: Stage) -> None:
    standing.api.delete(environment(standing.branch)).raise_for_status()
    until("it is gone", lambda: standing.eyes.environment(standing.branch) is None)
    standing.api.put(environment(standing.branch)).raise_for_status()
    assert standing.stands(standing.branch) == standing.namespace


def requests(stage: Stage) -> list[str]:
    names = (note["metadata"]["name"] for note in stage.eyes.records_and_leases())
    return [name for name in names if name.startswith("request-")]


def test_too_many_removals_wait_for_the_digest_of_that_very_plan(place: World, stage: Stage) -> None:
    branches = [f"{stage.branch}-{number}" for number in range(3)]
    stage.actors.push(*branches)
    names = [stage.stands(branch) for branch in branches]
    with program(place, name="careful", SWEEP_MAX_DELETIONS="1") as served:
        careful = Stage(world=place, program=served, branch=stage.branch)
        careful.actors.delete(*branches, webhooks_arrive=False)
        planned = served.http.post("/api/sweep?dry_run=true").json()
        assert [each["branch"] for each in planned["remove"]] == branches
        assert "SWEEP_MAX_DELETIONS" in planned["stopped"]
        assert served.http.post("/api/sweep").json()["queued"] == 0
        assert served.http.post("/api/sweep", json={"confirm": "another"}).json()["queued"] == 0
        assert sorted(stage.eyes.owners()) == names
        confirmed = served.http.post("/api/sweep", json={"confirm": planned["digest"]})
        assert (confirmed.status_code, confirmed.json()["queued"]) == (202, 3)
        for branch, name in zip(branches, names, strict=True):
            careful.is_gone(branch, name)


def test_a_refused_overlay_is_explained_and_leaves_nothing_behind(stage: Stage) -> None:
    manifest = "apiVersion: v1\nkind: Service\nmetadata:\n  name: open\nspec:\n  type: LoadBalancer\n"
    stage.actors.commit(stage.branch, "Open the door", add={"open.yaml": manifest})
    stage.actors.push(stage.branch)
    until("it is refused", lambda: explained(stage, stage.branch)["wanted"]["verdict"] == "refused")
    assert "LoadBalancer" in explained(stage, stage.branch)["wanted"]["why"]
    assert stage.eyes.environment(stage.branch) is None
    assert stage.eyes.credentials() == []
    assert stage.api.post("/api/sweep?dry_run=true").json()["make"] == []


@pytest.mark.parametrize("branch", HOSTILE)
def test_a_hostile_name_is_only_a_name(stage: Stage, branch: str) -> None:
    stage.actors.push(branch)
    namespace = stage.stands(branch)
    assert namespace.startswith("feature-")
    assert explained(stage, branch)["namespace"] == namespace
    stage.actors.delete(branch)
    stage.is_gone(branch, namespace)


def test_health_tells_strangers_codes_and_no_names(stage: Stage) -> None:
    answer = stage.api.get("/api/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert set(answer.json()["checks"].values()) == {"ok"}

    def refused() -> httpx.Response | None:
        """Have GitHub refuse one request, and ask; a run that goes on meanwhile may be the one it refuses."""
        stage.world.github.post("/_emulator/fail", json={"status": 401, "times": 1}).raise_for_status()
        answer = stage.api.get("/api/health")
        return answer if answer.status_code != 200 else None

    sick = until("health tells of it", refused)
    assert (sick.status_code, sick.json()["status"]) == (503, "degraded")
    assert "todo-app" not in sick.text


def test_wrong_requests_are_answered_as_json(stage: Stage) -> None:
    api = stage.api
    assert code(api.put(environment("feature/none"))) == (404, "no_such_branch")
    assert code(api.put("/api/environments/")) == (400, "no_branch")
    assert code(api.delete("/api/environments/")) == (400, "no_branch")
    assert code(api.put(environment("main"))) == (409, "excluded")
    assert api.delete(environment("main")).status_code == 202
    for body in (b"{", b"[]", b'{"confirm": 7}', b"\xff", b"[" * 100_000, b'{"confirm": ' + b"9" * 5000):
        assert code(api.post("/api/sweep", content=body)) == (400, "bad_body")


@pytest.mark.parametrize(
    "branch", ["a..b", "%20", "a%00b", "a%0Ab", ".a", "a%2F", "a.lock", "a%5Bb", "%FF%20"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_name_that_no_branch_can_have_is_the_askers_mistake(stage: Stage, method: str, branch: str) -> None:
    assert code(stage.api.request(method, f"/api/environments/{branch}")) == (400, "bad_branch")


def test_explaining_a_branch_that_does_not_exist_says_so(stage: Stage) -> None:
    answer = explained(stage, "feature/none")
    assert answer["wanted"]["verdict"] == "absent"
    assert answer["observed"]["head"] == "absent"


def test_a_branch_list_that_cannot_be_read_removes_nothing(standing: Stage) -> None:
    failure = {"status": 500, "path_prefix": "/repos/acme/todo-app/branches", "times": 20}
    standing.world.github.post("/_emulator/fail", json=failure).raise_for_status()
    swept = standing.api.post("/api/sweep").json()
    assert (swept["remove"], swept["queued"]) == ([], 0)
    assert swept["unread"]
    while standing.world.github.get("/repos/acme/todo-app/branches").is_server_error:
        pass  # until what is left of the failures is used up
    assert standing.eyes.environment(standing.branch)


@pytest.fixture
def locked(place: World) -> Iterator[httpx.Client]:
    """A program that asks for a function key."""
    with program(place, name="locked", LOCAL_FUNCTION_KEY="the key") as served:
        yield served.http


def test_all_but_webhook_and_health_ask_for_a_function_key(locked: httpx.Client) -> None:
    assert locked.get("/api/environments").status_code == 401
    assert locked.post("/api/sweep").status_code == 401
    assert locked.get("/api/environments", headers={"x-functions-key": "the key"}).status_code == 200
    assert locked.get("/api/environments", params={"code": "the key"}).status_code == 200
    assert locked.get("/api/health").status_code == 200
    assert code(locked.post("/api/github", content=b"{}")) == (401, "bad_signature")
