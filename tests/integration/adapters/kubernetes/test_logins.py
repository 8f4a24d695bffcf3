"""The Secret with a login: whether it is as it was delivered, without anybody reading it."""

import pytest

from adapters.kubernetes.application_reader import ApplicationReaderAdapter
from adapters.kubernetes.application_writer import ApplicationWriterAdapter
from adapters.kubernetes.discovery import Discovery
from adapters.kubernetes.secret_probe import SecretProbeAdapter
from coppice.components.login import DeliverLogin, login_secret
from coppice.environment.key import Key
from coppice.environment.references import ObjectRef
from tests.integration.adapters.worlds import Cluster

MERGE = {"Content-Type": "application/merge-patch+json"}
SECRET = ObjectRef("v1", "Secret", "login")
SECRET_PATH = "/api/v1/namespaces/x/secrets/login"
DELIVER = DeliverLogin(
    key=Key(repository="acme/todo", branch="feature/x"),
    namespace="x",
    database="feature_x",
    secret="login",
    host="pg.example",
    port=5432,
)
LOGIN = login_secret(DELIVER, "a password", "abc")


@pytest.fixture
def reader(cluster: Cluster) -> ApplicationReaderAdapter:
    cluster.namespace("x")
    return ApplicationReaderAdapter(cluster.api, Discovery(cluster.api), SecretProbeAdapter(cluster.api))


@pytest.fixture
def writer(cluster: Cluster) -> ApplicationWriterAdapter:
    return ApplicationWriterAdapter(cluster.api, Discovery(cluster.api))


def login_note(reader: ApplicationReaderAdapter) -> str:
    (found,) = reader.live("x", [SECRET])
    return found.template


@pytest.mark.parametrize("written", [{"password": "Yg=="}, {"url": None}, {"host": "Yg==", "more": "Yg=="}])
def test_a_login_of_which_somebody_has_changed_or_removed_a_key_no_longer_bears_our_note(
    cluster: Cluster,
    reader: ApplicationReaderAdapter,
    writer: ApplicationWriterAdapter,
    written: dict[str, str | None],
) -> None:
    writer.apply("x", LOGIN)
    assert login_note(reader) == "abc@pg.example:5432"

    patched = cluster.http.patch(SECRET_PATH, json={"data": written}, headers=MERGE)
    patched.raise_for_status()

    assert login_note(reader) == ""
    writer.apply("x", LOGIN)
    assert login_note(reader) == "abc@pg.example:5432"


def test_a_login_to_which_somebody_has_added_a_key_is_as_it_was_delivered_and_keeps_that_key(
    cluster: Cluster, reader: ApplicationReaderAdapter, writer: ApplicationWriterAdapter
) -> None:
    writer.apply("x", LOGIN)
    added = cluster.http.patch(SECRET_PATH, json={"data": {"theirs": "YQ=="}}, headers=MERGE)
    added.raise_for_status()

    assert login_note(reader) == "abc@pg.example:5432"
    writer.apply("x", login_secret(DELIVER, "another", "def"))
    assert login_note(reader) == "def@pg.example:5432"
    assert cluster.standing(SECRET_PATH)["data"]["theirs"] == "YQ=="
