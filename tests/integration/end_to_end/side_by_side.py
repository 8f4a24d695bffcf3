"""Ten branches side by side, of which five go: what was seen of all ten before, and of the five that stay
afterwards.

Names are near to each other on purpose: whoever deletes by a prefix, or by a name cut short, is caught here.
"""

import io
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any
from urllib.parse import quote

from coppice.components.namespace import IDENTITY, READY, RESULT, URL
from devtools.demo.assertions import UnexpectedStateError, until
from devtools.demo.console import Console
from devtools.demo.databases import Databases
from devtools.demo.narrator import Narrator
from devtools.demo.parts import database_drops, is_ended, open_sessions
from devtools.demo.probes import Probes, runs
from tests.integration.end_to_end.pictures import Own, Picture, everything, naming, pictures
from tests.integration.end_to_end.stage import Stage

HOSTILE = 'x";drop-database;--'
GOING = ("feature/auth", "feature/search-2", "fix/login", "spike", HOSTILE)
STAYING = ("feature/auth-2", "feature/search", "fix/login-2", "spike-2", "drop-database")
HELD = "feature/auth"
SESSIONS = 30
SECRET = "Secret/branch-database"

_PATIENCE = 150.0  # seconds: a controller that was refused comes back later and later


@dataclass(frozen=True, kw_only=True)
class Course:
    """What was seen.

    Attributes:
        own: what each of the ten had, by branch.
        before: what stood of those that stay, by branch.
        after: the same, once the others were gone.
        refusals: what the server said to a login (the first) at a neighbour's database.
        survivors: how many of the sessions that were held still worked after the branch was deleted.
        drops: what the program said about dropping the database that was held.
        named: whatever named one of those that go, anywhere, while they stood.
        left: the same, once they were gone.
        told: where a password of the ten stood outside of its Secret.
    """

    own: Mapping[str, Own]
    before: Mapping[str, Picture]
    after: Mapping[str, Picture]
    refusals: Mapping[tuple[str, str], str]
    survivors: int
    drops: tuple[str, ...]
    named: tuple[str, ...]
    left: tuple[str, ...]
    told: tuple[str, ...]


def whole(document: Any) -> Any:
    """An object as it stands."""
    return document


def play(stage: Stage, *, rest: float = 0.0, part: Callable[[Any], Any] = whole) -> Course:
    """Push ten branches, hold a database, delete five, and look.

    Args:
        stage: where.
        rest: seconds for which nothing has to change before it counts as untouched: controllers of a real
            cluster collect what they write.
        part: the part of an object that nobody but the program has a hand in; `None` if there is none.

    Raises:
        UnexpectedStateError: an environment lacks something, or something takes too long.
    """
    server = stage.world.databases
    assert server is not None, "the world has a database server"
    own = _made(stage)
    logins = {branch: each.login for branch, each in own.items()}
    for branch, login in logins.items():
        with login.session() as session:
            session.execute("INSERT INTO todos (title) VALUES (%s)", [branch])
    refusals = {
        (one, other): logins[one].refusal(logins[other].database) for one, other in permutations(logins, 2)
    }
    going, staying = [own[branch] for branch in GOING], {branch: own[branch] for branch in STAYING}
    look = partial(pictures, stage.eyes, server, staying, part)
    before = _at_rest(look, seconds=rest)
    named, told = naming(stage.eyes, server, going), tuple(_told(stage, server, own))
    sessions = open_sessions(logins[HELD], SESSIONS)
    stage.actors.delete(*GOING)
    until("nothing is left of the five", lambda: not _traces(stage.eyes, own), seconds=_PATIENCE)
    return Course(
        own=own,
        before=before,
        after=look(),
        refusals=refusals,
        survivors=sum(not is_ended(session) for session in sessions),
        drops=tuple(until("it is said what was dropped", lambda: database_drops(stage.program.log, HELD))),
        named=named,
        left=naming(stage.eyes, server, going),
        told=told,
    )


def _made(stage: Stage) -> dict[str, Own]:
    """Push all ten at once, and wait until nothing is done about them any more."""
    branches = (*GOING, *STAYING)
    for branch in branches:  # or else, if an hour strikes meanwhile, somebody is touched: by the cron job
        stage.actors.commit(branch, "No cron job", remove=("../../base/todo-cron",))
    stage.actors.push(*branches)
    told = Narrator(
        world=stage.world, program=stage.program, console=Console(out=io.StringIO()), patience=_PATIENCE
    )
    for branch in branches:
        told.show(told.applied(branch))  # which also tries database and login, and looks at all parts
    late: dict[str, str] = {}

    def all_are_up() -> bool:
        late.clear()
        late.update({each: why for each in branches if (why := _why_not_up(stage.eyes, each))})
        return not late

    try:
        until("all ten are up", all_are_up, seconds=_PATIENCE)
    except UnexpectedStateError as error:
        said = {branch: _said(stage, branch) for branch in late}
        raise UnexpectedStateError(f"{error}: {late}; {said}") from error
    return {branch: _own(stage.eyes, branch) for branch in branches}


def _why_not_up(eyes: Probes, branch: str) -> str:
    """Nothing if it is ready and nobody holds its lease: its record is all that is noted of it."""
    found = eyes.environment(branch)
    if found is None or (result := found["metadata"]["annotations"].get(RESULT)) != READY:
        return f"it is {result}" if found else "it is not there"
    traces = eyes.traces(namespace=found["metadata"]["name"], branch=branch)
    noted = [each for each in traces if each.startswith("coppice-system/")]
    return "" if len(noted) == 1 else f"noted of it: {noted}"


def _said(stage: Stage, branch: str) -> dict[str, Any]:
    """What the program and the cluster said last of a branch that is late."""
    found = stage.eyes.environment(branch)
    name = found["metadata"]["name"] if found else ""
    return {
        "runs": runs(stage.program.log, branch)[-1:],
        "warnings": stage.eyes.warnings(name),
        "pods": [each["status"] for each in stage.eyes.pods(name)],
    }


def _traces(eyes: Probes, own: Mapping[str, Own]) -> list[str]:
    gone = ((branch, own[branch].namespace) for branch in GOING)
    return [each for branch, name in gone for each in eyes.traces(namespace=name, branch=branch)]


def _own(eyes: Probes, branch: str) -> Own:
    found = eyes.environment(branch)
    assert found is not None
    name, noted = found["metadata"]["name"], found["metadata"]["annotations"]
    [credential], login = eyes.credentials_of(name), eyes.login(name)
    assert credential.identity == noted[IDENTITY]
    assert login is not None
    return Own(namespace=name, host=noted[URL], credential=credential.subject, login=login)


def _at_rest(pictures: Callable[[], dict[str, Picture]], *, seconds: float) -> dict[str, Picture]:
    """The pictures, as soon as they have stayed the same: controllers may still be counting pods."""
    last, since = pictures(), time.monotonic()

    def look() -> dict[str, Picture] | None:
        nonlocal last, since
        former, last = last, pictures()
        if last != former:
            since = time.monotonic()
            return None
        return last if time.monotonic() - since >= seconds else None

    return until("all that stays is at rest", look, seconds=_PATIENCE)


def _told(stage: Stage, server: Databases, own: Mapping[str, Own]) -> Iterator[str]:
    """Look for passwords where they are none of anybody's business: in the program's log, above all."""
    plain = [each.login.password for each in own.values()]
    passwords = [*plain, *(b64encode(each.encode()).decode() for each in plain)]
    plans = [stage.api.get(f"/api/environments/{quote(branch)}").text for branch in own]
    spoken = [("log", stage.program.log.read_text()), *(("plan", each) for each in plans)]
    for where, text in (*spoken, *everything(stage.eyes, server)):
        if where != SECRET and any(each in text for each in passwords):
            yield where
