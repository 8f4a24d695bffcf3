"""Room: for one environment more, on an identity, for a host, in a namespace."""

from dataclasses import replace

import pytest

from coppice.components.federated_identity import Credential
from coppice.components.namespace import IDENTITY
from coppice.environment.records import too_many
from coppice.environment.references import ObjectRef
from coppice.reconciler.outcome import Done, Stalled, Waiting
from tests.support.azure import ISSUER
from tests.support.builders import credential_of
from tests.support.config import CONFIG, namespace_of
from tests.support.manifests import overlay, service_account
from tests.support.program import Program
from tests.support.snapshot import snapshot

ACCOUNT = "postgres-service-account"


def test_no_more_environments_than_there_may_be() -> None:
    program = Program(config=replace(CONFIG, most=1))
    program.stand("x")
    program.push("y")

    report = program.run("y")

    assert report.outcome == Waiting(too_many(1, 1), "no_room", 60)
    assert report.results == ()
    assert isinstance(program.run("x").outcome, Done)


def full(program: Program, identity: str) -> None:
    for number in range(20):
        subject = f"system:serviceaccount:ci:{identity}-{number}"
        program.world.add_credential(
            Credential(identity=identity, name=f"ci-{number}", issuer=ISSUER, subject=subject)
        )


def test_an_environment_gets_the_identity_with_the_most_room() -> None:
    program = Program()
    program.world.add_credential(credential_of("other"))

    program.stand("x")

    assert program.world.records["feature-x"].identities == {"": "rg/id-1"}
    assert program.namespace("x").annotations[IDENTITY] == "rg/id-1"


def test_an_environment_whose_record_was_lost_keeps_the_identity_that_holds_its_credential() -> None:
    program = Program()
    program.stand("x")
    program.world.records.clear()

    program.push("x", ({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "refused"}},))
    program.run("x")
    program.stand("x")

    assert program.world.every_credential() == (credential_of("x"),)
    assert program.world.records["feature-x"].identities == {"": "rg/id-0"}


def test_without_room_on_any_identity_it_waits_and_says_so() -> None:
    program = Program()
    full(program, "rg/id-0")
    full(program, "rg/id-1")
    program.push("x")

    report = program.run("x")

    assert isinstance(report.outcome, Waiting)
    assert report.outcome.why == (
        "no identity of WORKLOAD_IDENTITIES has room for 1 more credential "
        "(rg/id-0 has 0 left; rg/id-1 has 0 left). Add one"
    )
    assert program.world.writes() == []


NAMED = replace(
    CONFIG,
    accounts={ACCOUNT: "", "uploader": "storage"},
    pools={"": ("rg/id-0",), "storage": ("rg/st-0", "rg/st-1")},
)


def test_accounts_of_a_named_pool_get_an_identity_of_that_pool() -> None:
    program = Program(config=NAMED)

    program.stand("x", overlay(service_account("uploader")))

    record = program.world.records["feature-x"]
    assert record.identities == {"": "rg/id-0", "storage": "rg/st-0"}
    assert program.namespace("x").annotations[f"{IDENTITY}.storage"] == "rg/st-0"
    subjects = {each.subject: each.identity for each in program.world.every_credential()}
    assert subjects == {
        f"system:serviceaccount:feature-x:{ACCOUNT}": "rg/id-0",
        "system:serviceaccount:feature-x:uploader": "rg/st-0",
    }
    uploader = program.world.objects["feature-x", ObjectRef("v1", "ServiceAccount", "uploader")]
    client = uploader.manifest["metadata"]["annotations"]["azure.workload.identity/client-id"]
    assert client == "client-of-rg/st-0"


def test_a_named_pool_without_room_is_named() -> None:
    program = Program(config=NAMED)
    full(program, "rg/st-0")
    full(program, "rg/st-1")
    program.push("x")

    assert "no identity of pool 'storage' has room" in program.run("x").outcome.why


def test_a_host_that_another_route_holds_is_waited_for() -> None:
    program = Program()
    program.stand("x")
    at = ("feature-x", ObjectRef("gateway.networking.k8s.io/v1", "HTTPRoute", "web"))
    stored = program.world.objects.pop(at)
    program.world.objects["blue", at[1]] = stored
    program.world.pass_time(hours=24)  # routes that have not changed are applied again, too
    program.push("x")

    report = program.run("x")

    assert report.outcome == Waiting(
        "host feature-x.dev.example.com is held by a route in namespace blue: it is waited until that goes",
        "host_taken",
        60,
    )
    assert report.results == ()
    del program.world.objects["blue", at[1]]
    assert program.run("x").outcome.code == "rollout"


@pytest.mark.parametrize("branch", ["x", "feature/x"])
def test_a_branch_and_its_twin_share_a_namespace_that_the_first_one_keeps(branch: str) -> None:
    program = Program()
    twin = {"x": "feature/x", "feature/x": "x"}[branch]
    program.stand(branch)
    before = snapshot(program.world)
    program.push(twin)

    report = program.run(twin)

    assert isinstance(report.outcome, Stalled)
    assert f"belongs to branch {branch!r}" in report.outcome.why
    assert f"so {twin!r} cannot have it" in report.outcome.why
    assert snapshot(program.world) == before
    assert namespace_of(twin) == namespace_of(branch)
