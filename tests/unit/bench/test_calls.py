"""What is recorded of a call: enough to tell what it did, and no secret."""

import pytest

from devtools.bench.calls import Call, shown_request, shown_statement


def call(what: str, *, kind: str = "http") -> Call:
    return Call(system="x", what=what, began=0, ended=1, kind="sql" if kind == "sql" else "http")


def test_of_an_address_the_query_is_left_out_because_it_can_hold_a_token() -> None:
    shown = shown_request("GET", "/_codeload/acme/todo-app/legacy.tar.gz/main?token=hush")
    assert shown == "GET /_codeload/acme/todo-app/legacy.tar.gz/main"


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        (
            "ALTER ROLE \"x\" LOGIN\n  PASSWORD 'SCRAM-SHA-256$4096:a=$b:c'",
            "ALTER ROLE \"x\" LOGIN PASSWORD '…'",
        ),
        ("COMMENT ON ROLE x IS 'it''s hush'; SELECT 1;", "COMMENT ON ROLE x IS '…'; SELECT 1"),
        ("RESET ALL;\nSET statement_timeout = '15s';\nSELECT 1", "SELECT 1"),
        ("SET lock_timeout = '1s'", "SET lock_timeout = '…'"),
        ("", ""),
        ("DO $$ BEGIN PERFORM 'hush'; END $$", "DO '…'"),
        ("DO $body$ SELECT $$hush$$ $body$ ", "DO '…'"),
    ],
)
def test_of_a_statement_no_literal_is_shown(statement: str, shown: str) -> None:
    assert shown_statement(statement) == shown


def test_what_can_have_changed_something_is_a_write() -> None:
    assert call("PATCH /api/v1/namespaces/x").writes
    assert call("DELETE /api/v1/namespaces/x").writes
    assert call("SELECT 1; ALTER ROLE x NOLOGIN", kind="sql").writes


def test_what_only_reads_is_no_write() -> None:
    assert not call("GET /api/v1/namespaces/x").writes
    assert not call(shown_request("PATCH", "/api/v1/secrets/x?fieldManager=coppice&dryRun=All")).writes
    for statement in (
        "WITH x AS (SELECT 1) SELECT 1",
        "BEGIN",
        "COMMIT",
        "connect postgres",
        "BEGIN; SELECT 1",
        "RESET ALL; SET statement_timeout = '…'",
        "",
    ):
        assert not call(statement, kind="sql").writes
