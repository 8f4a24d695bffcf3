"""Reaching the API server: kubeconfigs good and bad, and a token for each request."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

from adapters.kubernetes.client import Api
from adapters.kubernetes.connection import by_entra, by_kubeconfig
from coppice.reconciler.errors import Failure, Forbidden, NotSetUp, Unreachable
from tests.integration.adapters.raw import json_reply, raw_server

NAMESPACE = json_reply(200, {"kind": "Namespace"})


class Tokens(TokenCredential):
    """Hands out a new token each time."""

    def __init__(self, *errors: Exception) -> None:
        self.scopes: list[str] = []
        self.errors = list(errors)

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        if self.errors:
            raise self.errors.pop(0)
        self.scopes += scopes
        return AccessToken(f"token-{len(self.scopes)}", 2_000_000_000)


def kubeconfig(url: str, user: dict[str, Any]) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            "clusters": [{"name": "x", "cluster": {"server": url}}],
            "users": [{"name": "x", "user": user}],
        }
    )


def entra(url: str, tokens: Tokens) -> Api:
    return Api(by_entra(url, base64.b64encode(b"not used for http").decode(), tokens))


def test_a_token_is_fetched_for_each_request_and_sent_as_bearer() -> None:
    tokens = Tokens()
    with raw_server(lambda _: NAMESPACE) as server:
        api = entra(server.url, tokens)
        api.get("/api/v1/namespaces/x")
        api.merge("/api/v1/namespaces/x", {})
    sent = [each.headers["authorization"] for each in server.asked]
    assert sent == ["Bearer token-1", "Bearer token-2"]
    assert set(tokens.scopes) == {"6dae42f8-4368-4678-94ff-3960e28e3630/.default"}


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ClientAuthenticationError("no identity"), Forbidden), (ServiceRequestError("no route"), Unreachable)],
)
def test_a_token_that_cannot_be_had_is_a_failure_and_nothing_is_sent(
    error: Exception, kind: type[Failure]
) -> None:
    with raw_server(lambda _: NAMESPACE) as server:
        with pytest.raises(kind, match="fetch a token for the cluster"):
            entra(server.url, Tokens(error, error, error)).get("/api/v1/namespaces/x")
        assert server.asked == []


def test_a_token_that_came_late_is_used_all_the_same() -> None:
    tokens = Tokens(ServiceRequestError("no route"))
    with raw_server(lambda _: NAMESPACE) as server:
        entra(server.url, tokens).get("/api/v1/namespaces/x")
    assert len(server.asked) == 1


def test_the_authority_of_the_cluster_is_what_its_certificate_is_held_against() -> None:
    configuration = by_entra("https://aks.test", base64.b64encode(b"PEM").decode(), Tokens())
    assert (configuration.ca_cert_data, configuration.verify_ssl) == ("PEM", True)


def test_a_kubeconfigs_own_token_is_sent(tmp_path: Path) -> None:
    with raw_server(lambda _: NAMESPACE) as server:
        file = tmp_path / "config"
        file.write_text(kubeconfig(server.url, {"token": "mine"}))
        Api(by_kubeconfig(str(file))).get("/api/v1/namespaces/x")
    assert server.asked[0].headers["authorization"] == "Bearer mine"


def test_a_kubeconfig_without_a_user_sends_no_token(tmp_path: Path) -> None:
    with raw_server(lambda _: NAMESPACE) as server:
        file = tmp_path / "config"
        file.write_text(kubeconfig(server.url, {}))
        Api(by_kubeconfig(str(file))).get("/api/v1/namespaces/x")
    assert "authorization" not in server.asked[0].headers


def test_a_kubeconfig_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotSetUp, match=r"KUBECONFIG names '.*/nowhere'"):
        by_kubeconfig(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "just a text",
        "- a\n- b",
        "clusters: 5",
        "current-context: x",
        "\x00\x01",
        '{"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "y"}}], "clusters": []}',
        kubeconfig(
            "https://127.0.0.1:1", {"client-certificate": "/nowhere/crt", "client-key": "/nowhere/key"}
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config"
    file.write_text(content)
    with pytest.raises(NotSetUp, match="config"):
        Api(by_kubeconfig(str(file)))
