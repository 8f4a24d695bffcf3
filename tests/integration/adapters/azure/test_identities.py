"""Identities and their credentials through `azure-mgmt-msi`, by the rules of the real service."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest
import tenacity

from coppice.components.federated_identity import MOST_CREDENTIALS, Credential
from coppice.components.removal import Owned
from coppice.reconciler.errors import Conflict, Gone, NotSetUp, QuotaReached, Rejected, Throttled, Unreachable
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.raw import Answer, Asked, json_reply, raw_server
from tests.integration.adapters.worlds import SUBSCRIPTION, Azure, azure_at

FIRST, SECOND = "rg-coppice/id-feature-1", "rg-coppice/id-feature-2"
ISSUER = "https://issuer.test/"


def credential(slug: str = "x", *, identity: str = FIRST) -> Credential:
    subject = f"system:serviceaccount:feature-{slug}:postgres"
    return Credential(identity=identity, name=f"coppice-{slug}", issuer=ISSUER, subject=subject)


def test_an_identity_comes_with_its_client_id_and_its_credentials(azure: Azure) -> None:
    azure.ours.writer.create(credential())
    found = azure.ours.reader.identity(FIRST)
    assert (found.ref, found.client_id) == (FIRST, "00000000-0000-0000-000c-000000000001")
    assert found.credentials == (credential(),)


def test_an_identity_takes_two_calls(azure: Azure) -> None:
    azure.ours.reader.identity(FIRST)
    assert azure.asked("GET") == 2


def test_a_credential_is_for_the_audience_that_entra_asks_for(azure: Azure) -> None:
    azure.ours.writer.create(credential())
    (standing,) = azure.state.credentials[FIRST].values()
    assert standing.audiences == ("api://AzureADTokenExchange",)


def test_a_credential_for_another_audience_is_told_as_such_and_corrected_in_its_place(azure: Azure) -> None:
    wrong = replace(credential(), audiences=("api://other",))
    azure.ours.writer.create(wrong)
    assert azure.ours.reader.credentials(FIRST) == (wrong,)
    azure.ours.writer.create(credential())
    assert azure.ours.reader.credentials(FIRST) == (credential(),)


def test_credentials_are_read_over_all_pages(azure: Azure) -> None:
    wanted = [credential(f"b{number}") for number in range(12)]
    for each in wanted:
        azure.ours.writer.create(each)
    assert azure.ours.reader.credentials(FIRST) == tuple(wanted)
    assert azure.asked("GET") == 3


def test_a_page_that_does_not_come_makes_the_whole_list_unknown() -> None:
    asked = 0

    def answer(_: Asked) -> Answer:
        nonlocal asked
        asked += 1
        if asked % 2:
            return json_reply(200, {"value": [], "nextLink": f"{server.url}/next"})
        return json_reply(500, {"error": {"code": "InternalServerError", "message": "no"}})

    with raw_server(answer) as server, pytest.raises(Unreachable):
        azure_at(server.url).reader.credentials(FIRST)


def test_creating_the_very_same_credential_again_changes_nothing(azure: Azure) -> None:
    azure.ours.writer.create(credential())
    azure.ours.writer.create(credential())
    assert azure.ours.reader.credentials(FIRST) == (credential(),)


def test_the_twenty_first_credential_finds_no_room(azure: Azure) -> None:
    for number in range(20):
        azure.ours.writer.create(credential(f"b{number}"))
    with pytest.raises(QuotaReached, match="WORKLOAD_IDENTITIES"):
        azure.ours.writer.create(credential("one-more"))
    assert len(azure.ours.reader.credentials(FIRST) or ()) == MOST_CREDENTIALS


def test_a_name_that_azure_does_not_accept_is_rejected(azure: Azure) -> None:
    with pytest.raises(Rejected, match="invalid"):
        azure.ours.writer.create(Credential(identity=FIRST, name="_", issuer=ISSUER, subject="s"))


def test_overlapping_writes_to_one_identity_are_a_conflict_that_passes(azure: Azure) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def sleep(_: float) -> None:
        inside.set()
        go_on.wait(5)

    azure.state.sleep = sleep
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(azure.ours.writer.create, credential("a"))
        assert inside.wait(5)
        with pytest.raises(Conflict, match="concurrently") as caught:
            azure.ours.writer.create(credential("b"))
        go_on.set()
        first.result()
    assert caught.value.retry_after == 5
    assert azure.state.overlapping_writes == 1


def test_a_delete_overlaps_with_a_write_too(azure: Azure) -> None:
    code = "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"
    azure.emulator.fail(Fail(status=409, code=code, method="DELETE", retry_after=20))
    with pytest.raises(Conflict) as caught:
        azure.ours.deleter.delete(Owned(credential()))
    assert caught.value.retry_after == 20
    assert azure.asked("DELETE") == 1


def test_a_write_that_came_too_fast_comes_again_when_it_is_told_to(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        azure.state.clock = lambda: now + sum(waits)

    now = azure.state.clock()
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=wait))
    azure.state.clock, azure.state.writes_per_second = (lambda: now), 0.25
    azure.ours.writer.create(credential("a"))
    azure.ours.writer.create(credential("b"))
    azure.ours.deleter.delete(Owned(credential("a")))

    assert [math.floor(each) for each in waits] == [4, 4]
    assert azure.ours.rate_limiter.taken == [FIRST] * 5
    assert azure.ours.reader.credentials(FIRST) == (credential("b"),)


def test_a_write_whose_turn_is_far_away_says_when_to_come_back(azure: Azure) -> None:
    azure.emulator.fail(Fail(status=429, method="PUT", retry_after=17))
    with pytest.raises(Throttled) as caught:
        azure.ours.writer.create(credential("b"))
    assert caught.value.retry_after == 17
    assert azure.asked("PUT") == 1


def test_a_credential_that_is_ours_is_deleted_and_the_others_stay(azure: Azure) -> None:
    azure.ours.writer.create(credential("a"))
    azure.ours.writer.create(credential("b"))
    azure.ours.deleter.delete(Owned(credential("a")))
    assert azure.ours.reader.credentials(FIRST) == (credential("b"),)


def test_deleting_what_is_gone_is_no_error(azure: Azure) -> None:
    azure.ours.deleter.delete(Owned(credential()))
    azure.ours.deleter.delete(Owned(credential(identity="rg-coppice/id-gone")))


def test_an_identity_that_is_missing_is_gone_and_the_setting_is_named(azure: Azure) -> None:
    with pytest.raises(Gone, match=r"id-missing.*Check WORKLOAD_IDENTITIES"):
        azure.ours.reader.identity("rg-coppice/id-missing")


@pytest.mark.parametrize("ref", ["rg-coppice/id-missing", "rg-missing/id-feature-1"])
def test_an_identity_that_is_missing_is_not_one_that_is_empty(azure: Azure, ref: str) -> None:
    assert azure.ours.reader.credentials(ref) is None
    assert azure.ours.reader.credentials(SECOND) == ()


def test_an_identity_that_was_deleted_is_not_one_that_is_empty(azure: Azure) -> None:
    azure.ours.writer.create(credential())
    [first] = [each for each in azure.state.world.identities if each.name == "id-feature-1"]
    azure.state.delete_identity(first)
    assert azure.ours.reader.credentials(FIRST) is None
    with pytest.raises(Gone):
        azure.ours.writer.create(credential())


def test_credentials_are_not_missing_while_their_identity_stands(azure: Azure) -> None:
    azure.ours.writer.create(credential())
    listing = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-coppice/providers/Microsoft.ManagedIdentity"
    listing += "/userAssignedIdentities/id-feature-1/federatedIdentityCredentials"
    azure.emulator.fail(Fail(status=404, path_prefix=listing, times=2))
    assert azure.ours.reader.credentials(FIRST) == (credential(),)

    azure.emulator.fail(Fail(status=404, path_prefix=listing, times=3))
    with pytest.raises(Unreachable, match="stands, and yet"):
        azure.ours.reader.credentials(FIRST)


def test_a_subscription_that_cannot_be_seen_says_nothing_about_its_credentials(azure: Azure) -> None:
    azure.emulator.fail(Fail(status=404, code="SubscriptionNotFound"))
    with pytest.raises(NotSetUp, match="AZURE_SUBSCRIPTION_ID"):
        azure.ours.reader.credentials(FIRST)


def test_writes_to_two_identities_go_side_by_side(azure: Azure) -> None:
    both = threading.Barrier(2, timeout=5)
    azure.state.sleep = lambda _: (both.wait(), None)[1]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(azure.ours.writer.create, [credential(), credential(identity=SECOND)]))
    assert azure.state.overlapping_writes == 0
