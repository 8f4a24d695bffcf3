"""What `health` says of databases to which every role may connect."""

import pytest
from psycopg import sql

from adapters.postgres.client import Server
from app.health_checks import check_closed
from coppice.reconciler.errors import NotSetUp
from tests.integration.adapters.postgres.stage import Stage

_OPEN = """
    SELECT count(*) FROM pg_database
    WHERE datallowconn AND has_database_privilege('public', oid, 'CONNECT')
"""
HOSTILE = """o'rders" FROM PUBLIC; DROP ROLE coppice_admin; --"""


def test_what_an_administrator_is_told_to_run_closes_just_these_databases_whatever_their_names(
    stage: Stage,
) -> None:
    server = Server(stage.cluster.admin)
    stage.superuser.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(HOSTILE)))

    with pytest.raises(NotSetUp) as said:
        check_closed(server)

    assert HOSTILE in said.value.message
    _, _, statements = said.value.message.partition("an administrator runs ")
    with stage.superuser.transaction(force_rollback=True):
        stage.superuser.execute(statements.encode())
        assert stage.value(_OPEN) == 0
        assert stage.value("SELECT count(*) FROM pg_roles WHERE rolname = 'coppice_admin'") == 1


def test_a_server_whose_databases_are_all_closed_is_well(stage: Stage) -> None:
    databases = ("postgres", "template1")
    stage.superuser.execute("GRANT CONNECT ON DATABASE postgres TO coppice_admin")
    for name in databases:
        stage.superuser.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC".encode())
    try:
        stage.make()
        check_closed(Server(stage.cluster.admin))
    finally:
        for name in databases:
            stage.superuser.execute(f"GRANT CONNECT ON DATABASE {name} TO PUBLIC".encode())
