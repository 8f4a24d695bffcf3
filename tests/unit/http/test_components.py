"""Tests of the JSON of an environment's components."""

import json
from typing import Any

import pytest

from app.http.components import parts
from coppice.components.application import Apply, Live
from coppice.components.database import Database
from coppice.components.federated_identity import CreateCredential
from coppice.components.observed import Observed
from coppice.components.removal import Remove
from coppice.components.rollout import Rollout, Workload
from coppice.diagnostics.identity_checks import Finding
from coppice.diagnostics.inspection import Inspection
from coppice.environment.references import ObjectRef
from coppice.lifecycle.decision import Ensure, TearDown, Verdict
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Absent, Present, Unknown
from coppice.reconciler.plan import Change, Plan, Wave
from tests.support.builders import COMMIT, credential_of, noting, record_of, request_of, sight
from tests.support.config import key
from tests.unit.http.looks import (
    ACCOUNT,
    ALL,
    DATABASE,
    DEPLOYMENT,
    JOB,
    MONITOR,
    QUOTA,
    ROUTE,
    VAULT,
    ago,
    chain,
    looked,
    whole,
)

PRESENT = Ensure(COMMIT)

PARTS = ("identity", "database", "application", "secrets", "monitoring", "address", "fence")


def shown(
    observed: Observed, inspection: Inspection, *changes: Change, verdict: Verdict = PRESENT
) -> dict[str, dict[str, Any]]:
    """Return the components as a client receives them, after JSON."""
    answer = parts(observed, verdict, Plan((Wave(changes),) if changes else ()), inspection)
    assert tuple(answer) == PARTS
    loaded: dict[str, dict[str, Any]] = json.loads(json.dumps(answer))
    return loaded


def apply(ref: ObjectRef) -> Apply:
    manifest = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": {"name": ref.name}}
    return Apply(namespace="feature-x", manifest=manifest)


def test_an_environment_that_is_well_has_every_part_and_since_when() -> None:
    told = shown(whole(), looked(*ALL))

    assert {part: each["stands"] for part, each in told.items()} == {
        "identity": ["credential/rg/id-0/coppice-x", "ServiceAccount/postgres-service-account"],
        "database": ["database/feature_x", "Secret/branch-database"],
        "application": ["Deployment/web"],
        "secrets": ["SecretProviderClass/web"],
        "monitoring": ["PodMonitor/web"],
        "address": ["http://x.dev.example.com/", "HTTPRoute/web"],
        "fence": ["ResourceQuota/coppice-quota"],
    }
    assert {each["state"] for each in told.values()} == {"standing"}
    assert [each["missing"] for each in told.values()] == [[]] * len(PARTS)
    assert {part: each["since"] for part, each in told.items()} == {
        "identity": ago(5).isoformat(),
        "database": ago(len("branch-database")).isoformat(),
        "application": ago(1).isoformat(),
        "secrets": ago(3).isoformat(),
        "monitoring": ago(3).isoformat(),
        "address": ago(3).isoformat(),
        "fence": ago(len("coppice-quota")).isoformat(),
    }


def test_a_part_that_an_environment_does_not_have_is_none() -> None:
    told = shown(sight("x", records=noting(record_of("x", inventory=(DEPLOYMENT,)))), looked(DEPLOYMENT))

    assert {part for part, each in told.items() if each["state"] == "none"} == {
        "database",
        "secrets",
        "monitoring",
        "address",
        "fence",
    }


def gone(ref: ObjectRef) -> str:
    again = "PUT /api/environments/x applies it anew at once, REAPPLY_HOURS at the latest"
    return f"{ref} is gone: {again}"


def test_what_was_noted_and_no_longer_stands_is_missing_and_what_to_do_is_told() -> None:
    told = shown(whole(), looked(*(each for each in ALL if each not in {QUOTA, ACCOUNT})))

    assert (told["fence"]["state"], told["fence"]["missing"]) == ("missing", [gone(QUOTA)])
    assert (told["identity"]["state"], told["identity"]["missing"]) == (
        "incomplete",
        [gone(ACCOUNT)],
    )


def test_what_is_gone_and_about_to_be_applied_is_missing_by_its_name_alone() -> None:
    told = shown(whole(), looked(*(each for each in ALL if each != QUOTA)), apply(QUOTA))["fence"]

    assert (told["missing"], told["pending"]) == ([str(QUOTA)], [f"apply {QUOTA}"])


def test_a_job_that_is_done_is_not_missed() -> None:
    record = record_of("x", inventory=(DEPLOYMENT, JOB))

    assert shown(sight("x", records=noting(record)), looked(DEPLOYMENT))["application"]["missing"] == []


def test_what_a_run_would_make_is_missing_and_what_it_would_apply_again_is_not() -> None:
    fresh = ObjectRef("v1", "ConfigMap", "fresh")

    told = shown(whole(), looked(*ALL), apply(DEPLOYMENT), apply(fresh), apply(ROUTE))

    assert told["application"]["pending"] == ["apply Deployment/web", "apply ConfigMap/fresh"]
    assert told["application"]["missing"] == ["ConfigMap/fresh"]
    assert (told["address"]["state"], told["address"]["pending"]) == ("standing", ["apply HTTPRoute/web"])


def test_what_leaves_the_overlay_is_pending_and_not_missing() -> None:
    removed = Live(ref=MONITOR, uid="1", version="1")

    told = shown(whole(), looked(*ALL), Remove(subject=removed))

    assert (told["monitoring"]["pending"], told["monitoring"]["missing"]) == (["delete PodMonitor/web"], [])


def test_a_branch_that_has_nothing_yet_lacks_all_that_its_plan_makes() -> None:
    observed = sight("x", records=noting(None), namespace=Absent(), credentials=Present(()))

    told = shown(observed, looked(), CreateCredential(credential=credential_of("x")), apply(VAULT))

    assert (told["identity"]["state"], told["identity"]["missing"]) == (
        "missing",
        ["credential/rg/id-0/coppice-x"],
    )
    assert (told["secrets"]["state"], told["secrets"]["since"]) == ("missing", None)


def test_a_rollout_that_is_not_ready_says_what_it_waits_for() -> None:
    late = Workload(ref=DEPLOYMENT, generation=1, observed_generation=1, desired=2, updated=2, available=1)

    told = shown(whole(rollout=Present(Rollout(workloads=(late,)))), looked(*ALL))

    assert told["application"]["state"] == "incomplete"
    assert told["application"]["missing"] == ["not ready: Deployment/web 1/2"]


@pytest.mark.parametrize(
    ("database", "state", "missing"),
    [
        (Present(DATABASE), "standing", []),
        (Absent(), "incomplete", ["database/feature_x"]),
        (
            Present(Database(**{**vars(DATABASE), "finished": False})),
            "incomplete",
            ["database/feature_x is not finished"],
        ),
        (
            Present(Database(**{**vars(DATABASE), "owner": key("y")})),
            "incomplete",
            ["database/feature_x belongs to branch 'y' of acme/todo, so 'x' cannot have it"],
        ),
        (Unknown(Unreachable("no route to host")), "unknown", ["not read: no route to host"]),
    ],
)
def test_a_database_is_whole_or_says_what_it_lacks(database: Any, state: str, missing: list[str]) -> None:
    told = shown(whole(database=database), looked(*ALL))["database"]

    assert (told["state"], told["missing"]) == (state, missing)


def test_an_identity_whose_credential_was_lost_has_stood_since_nobody_knows_when() -> None:
    told = shown(whole(credentials=Present(())), looked(*ALL))["identity"]

    assert (told["stands"], told["since"]) == (["ServiceAccount/postgres-service-account"], None)


def test_the_identity_shows_each_chain_and_a_broken_one_is_missing_something() -> None:
    broken = Finding(code="other_issuer", why="the issuer differs in its last slash")

    told = shown(whole(), looked(*ALL, identity_chains=(chain(), chain(broken))))["identity"]

    assert told["state"] == "incomplete"
    assert told["missing"] == ["the issuer differs in its last slash"]
    assert told["chains"][0] == {
        "service_account": "postgres-service-account",
        "issuer": "https://issuer/",
        "subject": "system:serviceaccount:feature-x:postgres-service-account",
        "credential": "credential/rg/id-0/coppice-x",
        "identity": "rg/id-0",
        "client_id": "client-0",
        "named_client_id": "client-0",
        "secret_provider_classes": {"vault": "client-0"},
        "broken": None,
    }
    assert told["chains"][1]["broken"] == {
        "code": "other_issuer",
        "why": "the issuer differs in its last slash",
    }


def test_what_was_not_read_is_unknown_and_not_missing() -> None:
    unread = Unknown(Unreachable("reset"))

    told = shown(whole(credentials=unread), looked(*ALL))
    assert (told["identity"]["state"], told["fence"]["state"]) == ("unknown", "standing")

    told = shown(whole(), Inspection(objects=unread))
    assert {each["state"] for each in told.values()} == {"unknown"}
    assert told["fence"]["missing"] == ["not read: reset"]


def test_an_environment_that_goes_misses_nothing() -> None:
    told = shown(whole(), looked(DEPLOYMENT), verdict=TearDown("the branch does not exist"))

    assert (told["application"]["state"], told["application"]["missing"]) == ("going", [])
    assert (told["fence"]["state"], told["fence"]["missing"]) == ("none", [])


def test_what_is_another_branchs_is_not_shown() -> None:
    twin = sight("feature/x", records=noting(record_of("x", inventory=ALL)))

    told = shown(twin, looked(), verdict=PRESENT)

    assert {each["state"] for each in told.values()} == {"none"}


def test_records_requests_and_namespaces_are_nobodys_part() -> None:
    told = shown(whole(), looked(*ALL), Remove(subject=request_of("x", "hold")))

    assert [each["pending"] for each in told.values()] == [[]] * len(PARTS)
