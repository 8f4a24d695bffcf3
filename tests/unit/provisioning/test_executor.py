"""What may make environments is never handed what takes one away, and does nothing that it does not know."""

import pytest

from coppice.components.branch_database import DropDatabase
from coppice.components.database import Database
from coppice.components.removal import Delete, DeleteNamespace, DeleteRecord, Owned
from tests.support.builders import namespace_for, record_of
from tests.support.config import key
from tests.support.program import Program

DATABASE = Database(name="feature_x", oid=7, role=8, owner=key("x"), login="stamp-1", finished=True)


@pytest.mark.parametrize(
    "change",
    [
        DeleteNamespace(owned=Owned(namespace_for("x"))),
        DeleteRecord(owned=Owned(record_of("x"))),
        DropDatabase(owned=Owned(DATABASE)),
    ],
    ids=str,
)
def test_what_makes_environments_takes_none_away(change: Delete) -> None:
    program = Program()

    with pytest.raises(TypeError, match="provisioning does not do this"):
        program.reconciler.provisioning.execute(change)

    assert program.world.writes() == []
