"""Two runs deliver a login at once, since the lease of one ran out while it stood still: what the Secret says
works in the end, whoever was late.
"""

import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import combinations

import pytest

from adapters.passwords import new_password
from coppice.components.application import TEMPLATE, Manifest
from coppice.components.database import DatabaseWriter
from coppice.components.database_handlers import DatabaseMaker
from coppice.components.login import DeliverLogin
from coppice.environment.key import Key
from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Conflict
from provisioning.executor import Executor
from tests.integration.adapters.postgres.stage import KEY, NAME, Stage
from tests.support.cluster import Application, Namespaces, ObjectDeleter
from tests.support.records import InMemoryRecords
from tests.support.world import World

NAMESPACE = "feature-login"
DELIVER = DeliverLogin(
    key=KEY, namespace=NAMESPACE, database=NAME, secret="login", host="pg.example", port=5432
)
LATE, NEXT = "late", "next"
ORDERS = [
    tuple(LATE if at in late else NEXT for at in range(6)) for late in combinations(range(6), 3)
]  # a delivery is three calls: the password, the Secret, the note


@dataclass
class Turns:
    """Whose turn it is to make a call."""

    left: list[str]
    changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def turn(self, who: str) -> Iterator[None]:
        with self.changed:
            self.changed.wait_for(lambda: not self.left or self.left[0] == who)
            try:
                yield
            finally:
                del self.left[:1]
                self.changed.notify_all()


@dataclass
class InTurn:
    """The database server and the cluster, each call of one run in its turn."""

    who: str
    turns: Turns
    databases: DatabaseWriter
    application: Application

    create: Callable[..., None] = field(init=False)

    def __post_init__(self) -> None:
        self.create = self.databases.create

    def set_password(self, name: str, password: str, stamp: str, *, owner: Key) -> None:
        with self.turns.turn(self.who):
            self.databases.set_password(name, password, stamp, owner=owner)

    def apply(self, namespace: str, manifest: Manifest) -> None:
        with self.turns.turn(self.who):
            self.application.apply(namespace, manifest)

    def confirm(self, name: str, stamp: str, *, owner: Key) -> None:
        with self.turns.turn(self.who):
            self.databases.confirm(name, stamp, owner=owner)


def steps(world: World, stage: Stage) -> Executor:
    """What provisioning does, with a real database server and a cluster in memory."""
    records = InMemoryRecords(world)
    return Executor(
        records=records,
        requests=records,
        namespaces=Namespaces(world),
        application=Application(world),
        objects=ObjectDeleter(world),
        handlers=(
            DatabaseMaker(databases=stage.writer, application=Application(world), passwords=new_password),
        ),
    )


def delivery(world: World, stage: Stage, who: str, turns: Turns) -> Executor:
    in_turn = InTurn(who, turns, stage.writer, Application(world))
    maker = DatabaseMaker(databases=in_turn, application=in_turn, passwords=new_password)
    return replace(steps(world, stage), handlers=(maker,))


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_in_whatever_order_two_deliver_a_login_one_more_run_leaves_one_that_works(
    stage: Stage, order: tuple[str, ...]
) -> None:
    world, turns = World(), Turns([*order])
    world.add_namespace(NAMESPACE)
    stage.writer.create(stage.change())

    with ThreadPoolExecutor() as pool:
        both = [pool.submit(delivery(world, stage, who, turns).execute, DELIVER) for who in (LATE, NEXT)]
    assert {type(each.exception()) for each in both} <= {type(None), Conflict}
    # Only a database that is not whole makes an overlay due: nothing else would look at the Secret.
    if not stage.found().finished:
        steps(world, stage).execute(DELIVER)

    secret = world.objects[NAMESPACE, ObjectRef("v1", "Secret", "login")].manifest
    assert secret["metadata"]["annotations"][TEMPLATE] == DELIVER.note(stage.found().login)
    with stage.signed_in(password=b64decode(secret["data"]["password"]).decode()) as branch:
        stage.leave(branch)


def test_a_password_that_another_run_has_set_since_is_not_taken_for_the_one_delivered(stage: Stage) -> None:
    stage.writer.create(stage.change())
    stage.writer.set_password(NAME, "late", "late", owner=KEY)
    stage.writer.set_password(NAME, "next", "next", owner=KEY)
    stage.writer.confirm(NAME, "next", owner=KEY)

    with pytest.raises(Conflict, match="was given another password"):
        stage.writer.confirm(NAME, "late", owner=KEY)

    assert (stage.found().login, stage.found().finished) == ("", False)


def test_no_password_is_set_between_the_look_at_the_last_one_and_the_note(stage: Stage) -> None:
    stage.writer.create(stage.change())
    stage.writer.set_password(NAME, f"pw-{NAME}", "first", owner=KEY)

    with ThreadPoolExecutor() as pool:
        with stage.noting():
            note = pool.submit(stage.writer.confirm, NAME, "first", owner=KEY)
            stage.wait_for_waiting(1)  # it has looked
            other = pool.submit(stage.writer.set_password, NAME, "another", "second", owner=KEY)
            stage.wait_for_waiting(2)
        assert isinstance(other.exception(), Conflict)
        assert note.exception() is None

    assert (stage.found().login, stage.found().finished) == ("first", True)
    with stage.signed_in() as branch:
        stage.leave(branch)
