"""The rules of federated identity credentials, through the real SDK."""

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

GROUP = "rg-coppice"
FIRST, SECOND = "id-feature-1", "id-feature-2"
AUDIENCE = "api://AzureADTokenExchange"


def code(error: Any) -> str:
    return str(error.error.code)


def retry_after(error: Any) -> str:
    return str(error.response.headers["Retry-After"])


def put(
    arm: Any,
    name: str,
    *,
    identity: str = FIRST,
    issuer: str = "https://issuer/",
    subject: str | None = None,
    audiences: tuple[str, ...] = (AUDIENCE,),
) -> Any:
    properties = {"issuer": issuer, "subject": subject or f"of:{name}", "audiences": list(audiences)}
    return arm.msi.federated_identity_credentials.create_or_update(
        GROUP, identity, name, {"properties": properties}
    )


def delete(arm: Any, name: str, *, identity: str = FIRST) -> None:
    arm.msi.federated_identity_credentials.delete(GROUP, identity, name)


def names(arm: Any, identity: str = FIRST) -> list[str]:
    return [each.name for each in arm.msi.federated_identity_credentials.list(GROUP, identity)]


def test_an_identity_tells_its_client_id(arm: Any) -> None:
    identity = arm.msi.user_assigned_identities.get(GROUP, FIRST)
    assert (identity.name, identity.client_id) == (FIRST, "00000000-0000-0000-000c-000000000001")


def test_an_identity_that_is_deleted_takes_its_credentials_along_and_is_listed_no_more(arm: Any) -> None:
    put(arm, "coppice-login")
    arm.msi.user_assigned_identities.delete(GROUP, FIRST)
    arm.msi.user_assigned_identities.delete(GROUP, FIRST)
    assert [exchange.status for exchange in arm.emulator.requests] == [201, 200, 204]
    listed = arm.msi.user_assigned_identities.list_by_resource_group(GROUP)
    assert [identity.name for identity in listed] == [SECOND]
    with pytest.raises(ResourceNotFoundError) as refusal:
        names(arm)
    assert code(refusal.value) == "ParentResourceNotFound"


def test_identities_are_listed_page_by_page(arm: Any) -> None:
    arm.state.page_size = 1
    listed = arm.msi.user_assigned_identities.list_by_resource_group(GROUP)
    assert [identity.name for identity in listed] == [FIRST, SECOND]
    assert len(arm.emulator.requests) == 2


def test_a_credential_is_created_then_updated_then_read_back(arm: Any) -> None:
    put(arm, "coppice-login")
    put(arm, "coppice-login", subject="system:serviceaccount:feature-login:other")
    assert [exchange.status for exchange in arm.emulator.requests] == [201, 200]
    credential = arm.msi.federated_identity_credentials.get(GROUP, FIRST, "coppice-login")
    assert credential.subject == "system:serviceaccount:feature-login:other"
    assert credential.audiences == [AUDIENCE]


def test_credentials_are_listed_page_by_page(arm: Any) -> None:
    for number in range(12):
        put(arm, f"coppice-{number}")
    before = len(arm.emulator.requests)
    assert names(arm) == [f"coppice-{number}" for number in range(12)]
    assert len(arm.emulator.requests) - before == 3


def test_the_21st_credential_is_refused_and_one_of_the_twenty_can_still_be_changed(arm: Any) -> None:
    for number in range(20):
        put(arm, f"coppice-{number}")
    with pytest.raises(HttpResponseError, match="Too many Federated Identity Credentials") as refusal:
        put(arm, "coppice-20")
    assert refusal.value.status_code == 400
    put(arm, "coppice-19", subject="another")
    delete(arm, "coppice-0")
    put(arm, "coppice-20")


@pytest.mark.parametrize("name", ["ab", "-abc", "_abc", "a.bc", "a" * 121, "ünd"])
def test_a_name_outside_the_pattern_is_refused(arm: Any, name: str) -> None:
    with pytest.raises(HttpResponseError, match="is invalid") as refusal:
        put(arm, name)
    assert refusal.value.status_code == 400


@pytest.mark.parametrize("name", ["abc", "0-_", "a" * 120])
def test_a_name_within_the_pattern_is_taken(arm: Any, name: str) -> None:
    assert put(arm, name).name == name


def test_issuer_and_subject_are_unique_within_an_identity_only(arm: Any) -> None:
    put(arm, "coppice-one", subject="same")
    with pytest.raises(HttpResponseError, match="combination already exists") as refusal:
        put(arm, "coppice-two", subject="same")
    assert refusal.value.status_code == 400
    put(arm, "coppice-two", subject="same", identity=SECOND)


def test_which_audience_it_is_does_not_matter_here(arm: Any) -> None:
    """Entra compares it with the token's later, and answers AADSTS700212."""
    assert put(arm, "coppice-login", audiences=("api://other",)).audiences == ["api://other"]


@pytest.mark.parametrize("audiences", [(), (AUDIENCE, "api://other")])
def test_there_is_exactly_one_audience(arm: Any, audiences: tuple[str, ...]) -> None:
    with pytest.raises(HttpResponseError, match="exactly 1 audience") as refusal:
        put(arm, "coppice-login", audiences=audiences)
    assert refusal.value.status_code == 400


@pytest.mark.parametrize("field", ["issuer", "subject"])
def test_issuer_and_subject_have_at_most_600_characters(arm: Any, field: str) -> None:
    def fields(length: int) -> dict[str, Any]:
        return {field: "x" * length}

    put(arm, "coppice-login", **fields(600))
    with pytest.raises(HttpResponseError, match="600"):
        put(arm, "coppice-login", **fields(601))


@pytest.mark.parametrize("other_write", [put, delete])
def test_writes_to_one_identity_must_not_overlap(arm: Any, other_write: Any) -> None:
    refusals = []

    def write_meanwhile(_: float) -> None:
        with pytest.raises(ResourceExistsError) as refusal:
            other_write(arm, "coppice-other")
        refusals.append(code(refusal.value))

    arm.state.sleep = write_meanwhile
    put(arm, "coppice-login")
    assert refusals == ["ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"]
    assert arm.state.overlapping_writes == 1
    assert names(arm) == ["coppice-login"]


def test_different_identities_are_written_side_by_side(arm: Any) -> None:
    def write_meanwhile(_: float) -> None:
        arm.state.sleep = lambda _: None
        put(arm, "coppice-other", identity=SECOND)

    arm.state.sleep = write_meanwhile
    put(arm, "coppice-login")
    assert (names(arm, FIRST), names(arm, SECOND)) == (["coppice-login"], ["coppice-other"])
    assert arm.state.overlapping_writes == 0


def test_a_refused_write_does_not_keep_the_identity(arm: Any) -> None:
    with pytest.raises(HttpResponseError):
        put(arm, "x")
    put(arm, "coppice-login")


def test_deleting_answers_200_and_of_what_is_absent_204(arm: Any) -> None:
    put(arm, "coppice-login")
    delete(arm, "coppice-login")
    delete(arm, "coppice-login")
    assert [exchange.status for exchange in arm.emulator.requests] == [201, 200, 204]


def test_writes_that_come_too_fast_are_told_when_to_come_back(arm: Any) -> None:
    arm.state.writes_per_second = 0.25
    put(arm, "coppice-one")
    with pytest.raises(HttpResponseError) as refusal:
        put(arm, "coppice-two")
    assert (refusal.value.status_code, retry_after(refusal.value)) == (429, "4")
    put(arm, "coppice-two", identity=SECOND)
    arm.clock.now += 4
    put(arm, "coppice-two")
    assert arm.state.throttled_writes == 1


def test_the_writes_of_all_identities_together_have_a_limit_too(arm: Any) -> None:
    arm.state.subscription_writes_per_second = 2
    put(arm, "coppice-one")
    put(arm, "coppice-two")
    with pytest.raises(HttpResponseError) as refusal:
        put(arm, "coppice-three", identity=SECOND)
    assert (refusal.value.status_code, retry_after(refusal.value)) == (429, "1")
    arm.clock.now += 1
    put(arm, "coppice-three", identity=SECOND)
    assert arm.state.throttled_writes == 1


def test_what_is_not_there_is_named_by_its_code(arm: Any) -> None:
    credentials = arm.msi.federated_identity_credentials
    missing: dict[str, Any] = {
        "ResourceGroupNotFound": lambda: arm.msi.user_assigned_identities.get("rg-other", FIRST),
        "ResourceNotFound": lambda: arm.msi.user_assigned_identities.get(GROUP, "id-other"),
        "ParentResourceNotFound": lambda: credentials.get(GROUP, "id-other", "coppice-login"),
    }
    for expected, ask in missing.items():
        with pytest.raises(ResourceNotFoundError) as refusal:
            ask()
        assert code(refusal.value) == expected
    with pytest.raises(ResourceNotFoundError):
        credentials.get(GROUP, FIRST, "coppice-login")


def test_names_are_found_whatever_their_case(arm: Any) -> None:
    put(arm, "Coppice-Login")
    credential = arm.msi.federated_identity_credentials.get("RG-Coppice", "ID-feature-1", "coppice-login")
    assert credential.name == "Coppice-Login"
