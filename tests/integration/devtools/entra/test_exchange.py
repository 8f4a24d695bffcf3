"""Who gets in, and who does not, and with which of Entra's numbers."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest

from devtools.emulators.entra.directory import Application, Credential
from devtools.emulators.entra.errors import EntraError
from devtools.emulators.entra.exchange import check
from tests.integration.devtools.entra.tokens import (
    AUDIENCE,
    ISSUER,
    KEY,
    NOW,
    OTHER_KEY,
    SUBJECT,
    claims,
    key_set,
    token,
)

NEIGHBOUR = "system:serviceaccount:feature-y:web"


def trusting(*subjects: str, **changes: Any) -> Application:
    credentials = tuple(
        Credential(**{"issuer": ISSUER, "subject": each, "audiences": (AUDIENCE,), **changes})
        for each in subjects
    )
    return Application(name="id-feature-1", client_id="c-1", principal_id="p-1", credentials=credentials)


def refusal(
    assertion: str, application: Application, *, now: datetime = NOW, asked: list[str] | None = None
) -> EntraError | None:
    """What an assertion is refused with; the issuers whose keys were wanted are noted."""

    def keys(issuer: str) -> jwt.PyJWKSet:
        if asked is not None:
            asked.append(issuer)
        return jwt.PyJWKSet.from_dict(key_set({"key-1": KEY}))

    try:
        check(assertion, application, keys=keys, now=now)
    except EntraError as error:
        return error
    return None


def number(assertion: str, application: Application, **more: Any) -> int:
    refused = refusal(assertion, application, **more)
    return refused.number if refused else 0


def test_a_token_that_a_credential_stands_for_gets_in() -> None:
    assert number(token(), trusting(NEIGHBOUR, SUBJECT)) == 0


@pytest.mark.parametrize(
    ("claim", "value", "expected", "called"),
    [
        ("sub", "system:serviceaccount:feature-y:web", 700213, "subject"),
        ("sub", "system:serviceaccount:feature-x:default", 700213, "subject"),
        ("sub", "system:serviceaccount:feature-x:Web", 700213, "subject"),
        ("aud", "https://kubernetes.default.svc", 700212, "audience"),
        ("aud", "api://azureadtokenexchange", 700212, "audience"),
        ("iss", "https://issuer.example/cluster", 700211, "issuer"),
    ],
)
def test_a_claim_that_no_credential_has_is_named(claim: str, value: str, expected: int, called: str) -> None:
    changes: dict[str, Any] = {claim: value}
    refused = refusal(token(**changes), trusting(SUBJECT))

    assert refused is not None
    assert (refused.status, refused.error, refused.number) == (401, "invalid_client", expected)
    assert refused.message.startswith(
        f"No matching federated identity record found for presented assertion {called} '{value}'. "
    )


def test_an_issuer_and_a_subject_count_only_together() -> None:
    mixed = (
        *trusting(NEIGHBOUR).credentials,
        *trusting(SUBJECT, issuer="https://far.example/").credentials,
    )
    application = Application(name="id", client_id="c-1", principal_id="p-1", credentials=mixed)

    assert number(token(), application) == 700213


def test_an_identity_without_credentials_lets_nobody_in() -> None:
    assert number(token(), trusting()) == 70025


def test_a_token_gets_in_only_between_its_times() -> None:
    numbers = [
        number(token(), trusting(SUBJECT), now=NOW + timedelta(minutes=each)) for each in (-1, 0, 9, 10, 60)
    ]

    assert numbers == [700024, 0, 0, 700024, 700024]


def test_a_key_that_the_issuer_does_not_publish_lets_nobody_in() -> None:
    assert number(token(key=OTHER_KEY, kid="key-2"), trusting(SUBJECT)) == 7000272


def test_a_signature_by_another_key_lets_nobody_in() -> None:
    assert number(token(key=OTHER_KEY), trusting(SUBJECT)) == 700027


def test_a_token_whose_claims_were_changed_lets_nobody_in() -> None:
    header, said, signature = token().split(".")
    changed = {**json.loads(base64.urlsafe_b64decode(said + "==")), "sub": NEIGHBOUR}
    forged = base64.urlsafe_b64encode(json.dumps(changed).encode()).rstrip(b"=").decode()

    assert number(f"{header}.{forged}.{signature}", trusting(NEIGHBOUR)) == 700027


def test_a_token_that_is_not_signed_as_clusters_sign_lets_nobody_in() -> None:
    assert number(jwt.encode(claims(), "", algorithm="none"), trusting(SUBJECT)) == 5002738
    assert number(jwt.encode(claims(), "x" * 32, algorithm="HS256"), trusting(SUBJECT)) == 5002738


@pytest.mark.parametrize(
    "changes",
    [{"sub": 7}, {"exp": "soon"}, {"exp": 10**30}, {"aud": [7]}, {"iss": None}, {"aud": None}],
)
def test_what_is_no_token_of_a_service_account_is_malformed(changes: dict[str, Any]) -> None:
    said = {**jwt.decode(token(), options={"verify_signature": False}), **changes}
    assertion = jwt.PyJWS().encode(json.dumps(said).encode(), KEY, algorithm="RS256")

    assert number(assertion, trusting(SUBJECT)) == 50027


def test_text_that_is_no_token_is_malformed() -> None:
    assert number("not-a-token", trusting(SUBJECT)) == 50027


def test_keys_are_asked_for_only_from_an_issuer_that_a_credential_names() -> None:
    asked: list[str] = []
    refusal(token(iss="https://evil.example/"), trusting(SUBJECT), asked=asked)
    refusal(token(sub=NEIGHBOUR), trusting(SUBJECT), asked=asked)
    assert asked == []

    refusal(token(), trusting(SUBJECT), asked=asked)
    assert asked == [ISSUER]
