"""Signing in to ARM: what no emulator can refuse, since none ever sees it."""

from typing import Any

import pytest
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.core.pipeline.policies import SansIOHTTPPolicy

from adapters.azure.client import Unsigned, options, translated
from adapters.azure.identities import IdentityReaderAdapter
from coppice.reconciler.errors import Forbidden, Unreachable
from tests.integration.adapters.raw import json_reply, raw_server
from tests.integration.adapters.worlds import SUBSCRIPTION


class Token(TokenCredential):
    """A credential that would sign in."""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken("secret", 2_000_000_000)


@pytest.mark.parametrize("credential", [Token(), Unsigned()])
def test_no_token_leaves_for_plain_http(credential: TokenCredential) -> None:
    answer = json_reply(200, {"name": "x", "properties": {"clientId": "c"}, "value": []})
    with raw_server(lambda _: answer) as server:
        reader = IdentityReaderAdapter(credential, SUBSCRIPTION, server.url, issuer=str)
        assert reader.identity("g/i").client_id == "c"
    assert [each.headers.get("authorization") for each in server.asked] == [None, None]


def test_https_keeps_the_policy_that_signs_in() -> None:
    assert "authentication_policy" not in options("https://management.azure.com")
    assert isinstance(options("http://127.0.0.1:1")["authentication_policy"], SansIOHTTPPolicy)


def test_the_scope_is_that_of_the_endpoint() -> None:
    wanted = ["https://management.usgovcloudapi.net/.default"]
    assert options("https://management.usgovcloudapi.net")["credential_scopes"] == wanted


def test_who_cannot_sign_in_is_told_about_the_identity_and_not_about_roles() -> None:
    with (
        pytest.raises(Forbidden, match="managed identity is assigned to the app") as refused,
        translated("read"),
    ):
        raise ClientAuthenticationError("no managed identity here")
    assert "role assignments" not in refused.value.message


@pytest.mark.parametrize(
    ("status", "code", "helps"),
    [
        (401, "InvalidAuthenticationTokenTenant", "AZURE_TENANT_ID is its tenant"),
        (403, "AuthorizationFailed", "Check the role assignments"),
        (403, "RequestDisallowedByPolicy", "Check that policy"),
        (409, "ScopeLocked", "Check the locks"),
    ],
)
def test_each_refusal_is_told_with_what_helps_against_it(status: int, code: str, helps: str) -> None:
    answer = json_reply(status, {"error": {"code": code, "message": "no"}})
    with raw_server(lambda _: answer) as server:
        reader = IdentityReaderAdapter(Unsigned(), SUBSCRIPTION, server.url, issuer=str)
        with pytest.raises(Forbidden) as refused:
            reader.client_id("g/i")
    advice = refused.value.message.partition("Message: no. ")[2]
    assert helps in advice
    assert ("role assignments" in advice) == (code == "AuthorizationFailed")


def test_a_token_endpoint_that_does_not_answer_is_unreachable() -> None:
    with pytest.raises(Unreachable), translated("read"):
        raise ServiceRequestError("refused")
