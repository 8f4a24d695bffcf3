"""What is delivered of a database."""

from base64 import b64decode
from dataclasses import fields

from coppice.components.database import CreateDatabase
from coppice.components.login import (
    KEYS,
    ConfirmLogin,
    DeliverLogin,
    Password,
    PutLogin,
    SetPassword,
    login_secret,
)
from coppice.environment.key import Key

DELIVER = DeliverLogin(
    key=Key(repository="acme/todo", branch="feature/login"),
    namespace="feature-login",
    database="feature_login",
    secret="branch-database",
    host="db.example.com",
    port=5432,
)


def test_the_secret_has_the_login_in_parts_and_as_a_url() -> None:
    secret = login_secret(DELIVER, "a/b c", "stamp")

    assert secret["data"].keys() == KEYS
    assert {name: b64decode(value).decode() for name, value in secret["data"].items()} == {
        "host": "db.example.com",
        "port": "5432",
        "database": "feature_login",
        "user": "feature_login",
        "password": "a/b c",
        "url": "postgresql://feature_login:a%2Fb%20c@db.example.com:5432/feature_login?sslmode=require",
    }
    assert secret["metadata"]["name"] == "branch-database"
    assert secret["metadata"]["namespace"] == "feature-login"
    assert secret["metadata"]["annotations"] == {"coppice.dev/template": "stamp@db.example.com:5432"}
    assert secret["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "coppice"}


def test_no_change_has_room_for_a_password() -> None:
    held = {field.name for change in (CreateDatabase, DeliverLogin) for field in fields(change)}

    assert held == {
        "connections",
        "database",
        "host",
        "key",
        "name",
        "namespace",
        "port",
        "secret",
        "template",
    }
    assert str(DELIVER) == "deliver Secret/branch-database"


def test_the_steps_of_a_delivery_are_planned_in_the_order_that_a_crash_forgives() -> None:
    steps = DELIVER.steps(Password("a/b c", "stamp"))

    assert [type(each) for each in steps] == [SetPassword, PutLogin, ConfirmLogin]
    assert {each.password for each in steps} == {Password("a/b c", "stamp")}


def test_a_password_is_shown_by_nothing_that_holds_it() -> None:
    password = Password("a/b c", "stamp")

    shown = f"{password} {password!r} {DELIVER.steps(password)} {DELIVER.steps(password)!r}"

    assert "a/b c" not in shown
    assert "stamp" in shown
