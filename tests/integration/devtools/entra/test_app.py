"""The token endpoint: what it accepts, whom it asks, and that the real SDK understands its answers."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError

from devtools.emulators.emulator import Failure
from devtools.emulators.entra.workload import workload_credential
from tests.integration.devtools.entra.tokens import OTHER_KEY, token

NEIGHBOUR = "system:serviceaccount:feature-y:web"
REFUSED: list[tuple[dict[str, str], int, str, int]] = [
    ({"grant_type": ""}, 400, "invalid_request", 900144),
    ({"client_id": ""}, 400, "invalid_request", 900144),
    ({"scope": ""}, 400, "invalid_request", 900144),
    ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ({"scope": "https://vault.azure.net/secrets.read"}, 400, "invalid_scope", 1002012),
    ({"client_assertion": ""}, 401, "invalid_client", 7000218),
    ({"client_assertion_type": "jwt"}, 401, "invalid_client", 7000218),
    ({"client_id": "00000000-0000-0000-000c-000000000009"}, 400, "unauthorized_client", 700016),
    ({"tenant": "another"}, 400, "invalid_tenant", 90002),
]


def test_a_token_is_exchanged_for_one_of_the_identity(entra: Any) -> None:
    entra.trust(name="coppice-y", subject=NEIGHBOUR)
    entra.trust()

    answer = entra.ask(token())

    assert (answer.status_code, answer.json()["token_type"]) == (200, "Bearer")
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert (claims["appid"], claims["aud"]) == (entra.client_id, "https://vault.azure.net")
    assert entra.state.issued == [entra.client_id]


def test_credentials_are_those_of_the_identity_that_is_asked_for_and_of_this_moment(entra: Any) -> None:
    second = "00000000-0000-0000-000C-000000000002"
    entra.trust()
    assert entra.number(token(), client_id=second) == 70025

    entra.trust(identity=1, subject=NEIGHBOUR)
    assert entra.number(token(), client_id=second) == 700213

    entra.trust(identity=1)
    assert entra.number(token(), client_id=second) == 0


def test_its_clock_can_be_moved(entra: Any) -> None:
    entra.trust()
    entra.now += timedelta(hours=1)
    assert entra.number(token()) == 700024


def test_keys_are_those_that_the_issuer_publishes_at_this_moment(entra: Any) -> None:
    entra.trust()
    assert entra.number(token(key=OTHER_KEY, kid="key-2")) == 7000272

    entra.issuer.keys["key-2"] = OTHER_KEY
    assert entra.number(token(key=OTHER_KEY, kid="key-2")) == 0


def test_an_issuer_that_cannot_be_reached_or_is_another_one_lets_nobody_in(entra: Any) -> None:
    entra.trust()
    entra.trust(name="coppice-far", issuer="https://far.example/")
    assert entra.number(token(iss="https://far.example/")) == 90061

    entra.issuer.says = "https://another.example/"
    assert entra.number(token()) == 90061


def test_the_sdk_that_pods_use_gets_a_token_and_shows_a_refusal(entra: Any) -> None:
    entra.trust()
    file = entra.folder / "token"
    arguments = {"tenant": entra.tenant, "client_id": entra.client_id, "token_file": file}

    file.write_text(token())
    with workload_credential(entra.url, **arguments) as credential:
        assert credential.get_token("https://vault.azure.net/.default").token.count(".") == 2

    file.write_text(token(sub=NEIGHBOUR))
    refused = pytest.raises(ClientAuthenticationError, match="AADSTS700213: No matching")
    with workload_credential(entra.url, **arguments) as credential, refused:
        credential.get_token("https://vault.azure.net/.default")


def test_a_form_that_lacks_something_is_refused(entra: Any) -> None:
    entra.trust()
    for changes, status, error, number in REFUSED:
        answer = entra.ask(token(), **changes)
        told = answer.json()
        assert (answer.status_code, told["error"], told["error_codes"]) == (status, error, [number]), changes


def test_a_refusal_can_be_found_again(entra: Any) -> None:
    url, name = f"{entra.url}/{entra.tenant}/oauth2/v2.0/token", "0c8f8a5e-6b0e-4c1e-9d58-0d1d3a1f0001"

    told = httpx.post(url, headers={"client-request-id": name}).json()

    assert told["correlation_id"] == name
    assert told["error_uri"].endswith("code=900144")
    assert told["error_description"] == (
        "AADSTS900144: The request body must contain the following parameter: 'grant_type'. "
        f"Trace ID: {told['trace_id']} Correlation ID: {name} Timestamp: 2026-03-02 09:00:00Z"
    )


def test_only_a_posted_form_is_read(entra: Any) -> None:
    url = f"{entra.url}/{entra.tenant}/oauth2/v2.0/token"
    assert httpx.get(url).json()["error_codes"] == [900561]
    assert httpx.put(url, data={"grant_type": "client_credentials"}).json()["error_codes"] == [900561]
    assert httpx.post(url, json={"grant_type": "client_credentials"}).json()["error_codes"] == [900144]
    assert httpx.post(url, content=b"\xff\xfe").json()["error_codes"] == [900144]
    assert httpx.post(f"{entra.url}/{entra.tenant}/oauth2/token").status_code == 404


def test_an_arm_that_does_not_answer_is_no_verdict(entra: Any) -> None:
    httpx.post(f"{entra.arm}/_emulator/fail", json={"status": 500, "path_prefix": "/subscriptions"})
    answer = entra.ask(token())
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


def test_it_fails_when_it_is_asked_to(entra: Any) -> None:
    entra.emulator.fail(Failure(status=429, code="slow_down", retry_after=3))
    answer = entra.ask(token())
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert answer.json()["error"] == "slow_down"


def test_it_runs_as_a_process_of_its_own(entra: Any) -> None:
    command = [sys.executable, "-m", "devtools.emulators.entra", "--arm", entra.arm]
    root = Path(__file__).parents[4]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            started = json.loads(process.stdout.readline())
            url = f"{started['url']}/{entra.tenant}/oauth2/v2.0/token"
            assert started["name"] == "entra"
            assert httpx.post(url).json()["error_codes"] == [900144]
        finally:
            process.terminate()
