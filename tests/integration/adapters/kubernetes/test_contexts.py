"""A kubeconfig may say as whom each part of the program acts."""

import json
from pathlib import Path

import pytest

from adapters.kubernetes.client import Api
from adapters.kubernetes.connection import by_kubeconfig, context_of
from coppice.reconciler.errors import NotSetUp
from tests.integration.adapters.raw import json_reply, raw_server

PROVISIONING = "11111111-1111-1111-1111-111111111111"


def write(file: Path, url: str) -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "me",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "contexts": [
            {"name": "me", "context": {"cluster": "c", "user": "me"}},
            {"name": PROVISIONING, "context": {"cluster": "c", "user": "provisioning"}},
        ],
        "users": [{"name": "me", "user": {}}, {"name": "provisioning", "user": {"as": "object-id"}}],
    }
    file.write_text(json.dumps(document))
    return str(file)


def test_a_context_that_bears_the_client_id_is_taken_and_its_user_impersonated(tmp_path: Path) -> None:
    with raw_server(lambda _: json_reply(200, {"kind": "Namespace"})) as server:
        file = write(tmp_path / "kubeconfig", server.url)
        context, user = context_of(file, PROVISIONING)
        Api(by_kubeconfig(file, context=context), impersonate=user).get("/api/v1/namespaces/x")
    assert (context, user) == (PROVISIONING, "object-id")
    assert server.asked[0].headers["impersonate-user"] == "object-id"


def test_without_such_a_context_the_current_one_is_taken(tmp_path: Path) -> None:
    assert context_of(write(tmp_path / "kubeconfig", "http://127.0.0.1:1"), "another") == ("", "")


@pytest.mark.parametrize("content", ["", "[]", "contexts: 7", "contexts: [{}]", "{"])
def test_a_kubeconfig_that_is_none_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "kubeconfig").write_text(content)
    with pytest.raises(NotSetUp, match="KUBECONFIG"):
        context_of(str(tmp_path / "kubeconfig"), PROVISIONING)
