"""Signing in to GitHub, and being told to slow down."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.github.connections import Connections
from adapters.github.repository import RepositoryAdapter
from coppice.reconciler.errors import Forbidden, NotSetUp, Throttled, Unreachable
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.raw import Asked, json_reply, raw_server
from tests.integration.adapters.worlds import GitHub, repository_at

SIGN_IN = "/app/installations/42/access_tokens"


@pytest.fixture(scope="module")
def private_key() -> str:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def as_app(url: str, private_key: str) -> RepositoryAdapter:
    app = Connections(url=url, app_id="7", installation_id="42", private_key=private_key)
    return RepositoryAdapter(app, "acme/todo-app")


def test_an_app_exchanges_its_key_for_a_token_once(github: GitHub, private_key: str) -> None:
    repository = as_app(github.url, private_key)
    assert repository.default_branch() == "main"
    assert repository.head("main") == github.main
    assert [each.path for each in github.emulator.requests].count(SIGN_IN) == 1


def test_threads_that_sign_in_at_once_share_one_token(github: GitHub, private_key: str) -> None:
    repository = as_app(github.url, private_key)
    begun = threading.Barrier(4)

    def read() -> str:
        begun.wait(10)
        return repository.default_branch()

    with ThreadPoolExecutor(4) as pool:
        assert [each.result() for each in [pool.submit(read) for _ in range(4)]] == ["main"] * 4
    assert [each.path for each in github.emulator.requests].count(SIGN_IN) == 1


def test_a_token_is_fetched_again_before_it_runs_out(private_key: str) -> None:
    expires = (datetime.now(UTC) + timedelta(seconds=10)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def answer(asked: Asked) -> bytes:
        if asked.target == SIGN_IN:
            signed_in = [each for each in server.asked if each.target == SIGN_IN]
            return json_reply(201, {"token": f"ghs_{len(signed_in)}", "expires_at": expires})
        return json_reply(200, {"default_branch": asked.headers["authorization"]})

    with raw_server(answer) as server:
        repository = as_app(server.url, private_key)
        assert repository.default_branch().startswith("token ghs_")
        before = len(server.asked)
        repository.default_branch()
    assert SIGN_IN in [each.target for each in server.asked[before:]]


def test_a_key_may_be_written_on_one_line(github: GitHub, private_key: str) -> None:
    assert as_app(github.url, private_key.replace("\n", "\\n")).default_branch() == "main"


def test_a_key_that_is_none_is_named(github: GitHub) -> None:
    with pytest.raises(NotSetUp, match="GITHUB_APP_PRIVATE_KEY"):
        as_app(github.url, "not a key").default_branch()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_app_that_cannot_sign_in_does_not_make_a_branch_absent(
    github: GitHub, private_key: str, status: int
) -> None:
    github.emulator.fail(Fail(status=status, path_prefix=SIGN_IN))
    with pytest.raises(Forbidden, match=r"Check.*GITHUB_"):
        as_app(github.url, private_key).head("main")


def test_a_sign_in_is_sent_once_for_each_try(github: GitHub, private_key: str) -> None:
    github.emulator.fail(Fail(status=500, path_prefix=SIGN_IN, times=9))
    with pytest.raises(Unreachable):
        as_app(github.url, private_key).default_branch()
    assert [each.path for each in github.emulator.requests] == [SIGN_IN] * 3


def test_a_secondary_rate_limit_says_how_long_to_wait(github: GitHub) -> None:
    github.emulator.fail(Fail(status=403, code="You have exceeded a secondary rate limit.", retry_after=73))
    with pytest.raises(Throttled, match="secondary rate limit") as caught:
        github.repository.head("main")
    assert caught.value.retry_after == 73


def test_a_secondary_rate_limit_without_a_time_waits_a_minute(github: GitHub) -> None:
    github.emulator.fail(Fail(status=403, code="You have exceeded a secondary rate limit."))
    with pytest.raises(Throttled) as caught:
        github.repository.head("main")
    assert caught.value.retry_after == 60


@pytest.mark.parametrize(("ahead", "least", "most"), [(600, 590, 600), (-600, 1, 1), (10**9, 3600, 3600)])
def test_the_rate_limit_is_waited_for_until_its_reset(ahead: int, least: int, most: int) -> None:
    limits = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(int(time.time()) + ahead)}
    answer = json_reply(403, {"message": "API rate limit exceeded for installation ID 42."}, **limits)
    with raw_server(lambda _: answer) as server, pytest.raises(Throttled) as caught:
        repository_at(server.url).head("main")
    assert caught.value.retry_after is not None
    assert least <= caught.value.retry_after <= most
    assert len(server.asked) == 1


def test_a_token_that_is_not_known_is_no_matter_of_permissions() -> None:
    answer = json_reply(401, {"message": "Bad credentials"})
    with raw_server(lambda _: answer) as server, pytest.raises(Forbidden) as caught:
        repository_at(server.url).head("main")
    assert "Check that GITHUB_TOKEN has not expired" in caught.value.message
    assert "permissions" not in caught.value.message


@pytest.mark.parametrize(
    "said",
    [
        "Resource protected by organization SAML enforcement. You must grant your token access.",
        "The `acme` organization has an IP allow list enabled, and your IP address is not permitted.",
        "This installation has been suspended",
    ],
)
def test_what_the_organisation_refuses_is_no_matter_of_permissions(said: str) -> None:
    answer = json_reply(403, {"message": said})
    with raw_server(lambda _: answer) as server, pytest.raises(Forbidden) as caught:
        repository_at(server.url).head("main")
    assert caught.value.message == f"GitHub refused: read branch 'main': {said}"


def test_a_plain_403_is_no_throttling(github: GitHub) -> None:
    github.emulator.fail(Fail(status=403))
    with pytest.raises(Forbidden):
        github.repository.head("main")
