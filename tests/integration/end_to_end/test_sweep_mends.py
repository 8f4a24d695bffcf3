"""Each single thing that can get lost is found by the next sweep, and mended by the run that it sets off."""

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devtools.demo.assertions import until
from devtools.demo.world import World, program
from tests.integration.end_to_end.stage import Stage

LOGIN = "/secrets/branch-database"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/coppice-system/leases"
ARM = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/{}"
    "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}/federatedIdentityCredentials/{}"
)


def sweep(stage: Stage) -> dict[str, list[str]]:
    """Sweep, and return the branches that it found."""
    found = stage.api.post("/api/sweep").raise_for_status().json()
    assert not found["unread"]
    return {kind: [each["branch"] for each in found[kind]] for kind in ("make", "remove")}


@pytest.fixture
def standing(stage: Stage) -> Stage:
    """A stage on which one branch has its environment."""
    stage.stand()
    return stage


def test_a_push_of_a_new_branch_that_no_webhook_told_of(stage: Stage) -> None:
    stage.actors.push(stage.branch, webhooks_arrive=False)
    assert sweep(stage) == {"make": [stage.branch], "remove": []}
    assert stage.stands(stage.branch) == stage.namespace


def test_a_push_that_no_webhook_told_of(standing: Stage) -> None:
    standing.actors.commit(standing.branch, "Behind")
    standing.actors.push(standing.branch, webhooks_arrive=False)
    assert sweep(standing) == {"make": [standing.branch], "remove": []}
    standing.stands(standing.branch)


def test_a_deletion_that_no_webhook_told_of(standing: Stage) -> None:
    standing.actors.delete(standing.branch, webhooks_arrive=False)
    assert sweep(standing) == {"make": [], "remove": [standing.branch]}
    standing.is_gone(standing.branch, standing.namespace)


def test_the_timer_sweeps_as_the_route_does(stage: Stage) -> None:
    stage.actors.push(stage.branch, webhooks_arrive=False)
    stage.api.post("/admin/functions/sweep_branches", json={}).raise_for_status()
    assert stage.stands(stage.branch) == stage.namespace


def test_a_namespace_that_was_deleted_by_hand(standing: Stage) -> None:
    objects, credentials = standing.eyes.objects(standing.namespace), standing.eyes.credentials()
    standing.world.cluster.delete(f"/api/v1/namespaces/{standing.namespace}").raise_for_status()
    until("it is gone", lambda: standing.eyes.environment(standing.branch) is None)
    assert sweep(standing) == {"make": [standing.branch], "remove": []}
    standing.stands(standing.branch)
    assert standing.eyes.objects(standing.namespace) == objects
    assert standing.eyes.credentials() == credentials


def test_a_credential_that_was_deleted_by_hand(standing: Stage) -> None:
    [before] = standing.eyes.credentials()
    group, _, identity = before.identity.partition("/")
    standing.world.arm.delete(ARM.format(group, identity, before.name)).raise_for_status()
    assert standing.eyes.credentials() == []
    assert sweep(standing) == {"make": [standing.branch], "remove": []}
    until("it is back", lambda: standing.eyes.credentials() == [before])


def test_a_database_that_was_dropped_by_hand(standing: Stage) -> None:
    server, login = standing.world.databases, standing.eyes.login(standing.namespace)
    if server is None or login is None:
        pytest.skip("PostgreSQL is not installed: run `apt-get install postgresql`.")
    with server.connect("postgres") as session:
        session.execute(f"DROP DATABASE {login.database} WITH (FORCE)".encode())
    assert sweep(standing) == {"make": [standing.branch], "remove": []}

    until("its login opens it again", lambda: signs_in(standing), seconds=20)


def signs_in(stage: Stage) -> bool:
    """Whether the login that is delivered opens the branch's database."""
    found = stage.eyes.login(stage.namespace)
    return found is not None and not found.refusal(found.database)


def test_a_login_that_was_changed_by_hand_is_delivered_anew(standing: Stage, place: World) -> None:
    if place.databases is None:
        pytest.skip("PostgreSQL is not installed: run `apt-get install postgresql`.")
    standing.world.cluster.patch(
        f"/api/v1/namespaces/{standing.namespace}{LOGIN}",
        content=json.dumps({"data": {"password": "bm9uZQ=="}}),
        headers={"Content-Type": "application/merge-patch+json"},
    ).raise_for_status()
    assert not signs_in(standing)
    standing.api.put(f"/api/environments/{standing.branch}").raise_for_status()
    until("its login opens it again", lambda: signs_in(standing), seconds=20)


def test_a_record_that_was_deleted_by_hand(standing: Stage) -> None:
    [record] = [
        note for note in standing.eyes.records_and_leases() if note["metadata"]["name"].startswith("record-")
    ]
    path = f"/api/v1/namespaces/coppice-system/configmaps/{record['metadata']['name']}"
    credentials = standing.eyes.credentials()
    standing.world.cluster.delete(path).raise_for_status()
    assert sweep(standing) == {"make": [standing.branch], "remove": []}

    def rewritten() -> bool:
        answer = standing.world.cluster.get(path)
        return answer.is_success and answer.json()["data"]["inventory"] == record["data"]["inventory"]

    until("the record is back", rewritten)
    assert standing.eyes.credentials() == credentials


def test_a_branch_that_was_renamed(standing: Stage) -> None:
    found = f"{standing.branch}-anew"
    standing.world.repository.rename(standing.branch, found)
    assert sweep(standing) == {"make": [found], "remove": [standing.branch]}
    standing.is_gone(standing.branch, standing.namespace)
    assert standing.stands(found) == f"{standing.namespace}-anew"


def test_a_host_that_is_killed_half_way_loses_its_message_and_nothing_else(
    place: World, stage: Stage
) -> None:
    with program(place, name="killed") as doomed:
        victim = Stage(world=place, program=doomed, branch=stage.branch)
        # The credential cannot be written at first, not by the second delivery's run either: the middle.
        place.arm.post("/_emulator/fail", json=UNAVAILABLE).raise_for_status()
        victim.actors.push(stage.branch)
        until("it has begun", lambda: victim.eyes.environment(stage.branch), seconds=20)
        os.kill(doomed.server.process.pid, signal.SIGKILL)
        doomed.server.process.wait()
    assert stage.eyes.environment(stage.branch), "half of it stands"
    assert stage.eyes.credentials() == [], "and half does not"
    let_leases_expire(stage)
    assert sweep(stage) == {"make": [stage.branch], "remove": []}
    stage.stands(stage.branch)
    until("it is finished", stage.converged, seconds=20)


UNAVAILABLE = {
    "status": 503,
    "method": "PUT",
    "path_prefix": "/subscriptions/",
    "times": 3,
    "retry_after": 2,
}


def let_leases_expire(stage: Stage) -> None:
    """What a dead process holds is free again some time later; here the time passes at once."""
    past = (datetime.now(UTC) - timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for lease in stage.world.cluster.get(LEASES).raise_for_status().json()["items"]:
        stage.world.cluster.patch(
            f"{LEASES}/{lease['metadata']['name']}",
            content=json.dumps({"spec": {"renewTime": past}}),
            headers={"Content-Type": "application/merge-patch+json"},
        ).raise_for_status()


def test_every_object_and_field_of_the_overlay_is_back_after_the_hours_to_reapply(
    standing: Stage, place: World
) -> None:
    before = of_the_overlay(standing)
    for path, each in before.items():
        spoil(standing, path, each)
    services = [path for path, each in before.items() if each["kind"] == "Service"]
    logins = [path for path in standing.eyes.applied(standing.namespace) if path.endswith(LOGIN)]
    for path in (*services, *logins):
        standing.world.cluster.delete(path).raise_for_status()
    assert not same(of_the_overlay(standing), before)
    assert standing.converged(), "nothing is looked for before it is due"
    with program(place, name="impatient", REAPPLY_HOURS=str(1 / 3600)) as served:
        impatient = Stage(world=place, program=served, branch=standing.branch)
        until("it is due", lambda: sweep(impatient)["make"] == [standing.branch], seconds=10)
        until("all is as it was", lambda: same(of_the_overlay(standing), before), seconds=20)
        assert not logins or signs_in(standing)
    after = of_the_overlay(standing)
    kept = [
        path for path, each in after.items() if "example.com/note" in each["metadata"].get("annotations", {})
    ]
    assert sorted(kept) == sorted(before.keys() - services), "what others added stays"


def of_the_overlay(stage: Stage) -> dict[str, dict[str, Any]]:
    """What was applied, but for the login of the database: that one was made."""
    applied = stage.eyes.applied(stage.namespace)
    return {path: each for path, each in applied.items() if not path.endswith(LOGIN)}


def spoil(stage: Stage, path: str, each: dict[str, Any]) -> None:
    """Change something that the overlay sets, and add something that it does not."""
    ours = {"app.kubernetes.io/part-of": "spoilt"}
    change: dict[str, Any] = {"metadata": {"annotations": {"example.com/note": "by hand"}, "labels": ours}}
    match each["kind"]:
        case "ConfigMap" | "Secret":
            change["data"] = dict.fromkeys(each["data"])
        case "Deployment" | "StatefulSet":
            change["spec"] = {"replicas": 7, "template": {"metadata": {"labels": ours}}}
        case "HTTPRoute":
            change["spec"] = {"hostnames": ["elsewhere.example.test"]}
        case "CronJob":
            change["spec"] = {"schedule": "0 0 1 1 *"}
    stage.world.cluster.patch(
        path, content=json.dumps(change), headers={"Content-Type": "application/merge-patch+json"}
    ).raise_for_status()


def same(now: dict[str, Any], before: dict[str, Any]) -> bool:
    return now.keys() == before.keys() and all(
        applied(now[path], fields(each)) == applied(each, fields(each)) for path, each in before.items()
    )


def fields(each: dict[str, Any]) -> dict[str, Any]:
    """The fields that were applied, as the API server notes them."""
    [entry] = [one for one in each["metadata"]["managedFields"] if one["manager"] == "coppice"]
    noted: dict[str, Any] = entry["fieldsV1"]
    return noted


def applied(value: Any, noted: dict[str, Any]) -> Any:
    """What a value has in these fields; see
    https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management.
    """
    if not noted or value is None:
        return value
    found = {}
    for key, below in noted.items():
        match key.partition(":"):
            case ["f", _, name]:
                found[key] = applied(value.get(name), below)
            case ["k", _, names]:
                of = json.loads(names).items()
                found[key] = applied(next((each for each in value if of <= each.items()), None), below)
            case ["v", _, one]:
                found[key] = json.loads(one) in value
    return found
