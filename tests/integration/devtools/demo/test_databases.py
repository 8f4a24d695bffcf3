"""The demo's database server is set up as docs/how-to/give-branches-a-database.md asks for.

Its probes find what exists.
"""

from collections.abc import Iterator

import pytest

from adapters.postgres.client import Server
from adapters.postgres.creator import DatabaseWriterAdapter
from adapters.postgres.reader import DatabaseReaderAdapter
from coppice.components.database import CreateDatabase
from coppice.environment.key import Key
from devtools.demo.databases import TEMPLATE, TODOS, Databases, Login, databases
from devtools.emulators.postgres.server import PostgresMissingError

NAME = "feature_x"
KEY = Key(repository="acme/todo-app", branch="feature/x")


@pytest.fixture(scope="module")
def server() -> Iterator[Databases]:
    try:
        with databases() as made:
            yield made
    except PostgresMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def login(server: Databases) -> Login:
    """The login of a branch that has its database."""
    address = Server(server.admin).address
    writer = DatabaseWriterAdapter(Server(server.admin))
    writer.create(CreateDatabase(key=KEY, name=NAME, template=TEMPLATE, connections=5))
    writer.set_password(NAME, "quite secret", "stamp", owner=KEY)
    return Login(host=address.host, port=address.port, database=NAME, user=NAME, password="quite secret")


def test_a_branchs_login_reads_what_the_template_holds(login: Login) -> None:
    assert tuple(login.todos()) == TODOS


def test_no_database_of_the_server_lets_everybody_in(server: Databases, login: Login) -> None:
    assert DatabaseReaderAdapter(Server(server.admin)).open_to_public() == ()
    assert login.refusal(NAME) == ""
    assert login.refusal("postgres") == 'permission denied for database "postgres"'


def test_probes_find_what_a_branch_has_and_what_anybody_left(server: Databases, login: Login) -> None:
    assert server.of(KEY.branch) == [f"database/{NAME}", f"role/{NAME}"]
    assert server.of("feature/x-2") == []
    with server.connect("postgres") as session:
        session.execute("CREATE ROLE stray")
    assert server.leftovers() == [f"database/{NAME}", f"role/{NAME}", "role/stray"]


def test_a_login_does_not_show_its_password(login: Login) -> None:
    assert "secret" not in repr(login)
