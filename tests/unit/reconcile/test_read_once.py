"""What does not change during a run is asked for once in it."""

from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Unreachable
from tests.support.config import namespace_of
from tests.support.program import Program


def test_a_run_that_looks_twice_asks_once_for_the_default_branch() -> None:
    program = Program()
    program.stand("x")
    program.push("x")
    program.run("x")
    program.world.become_ready()
    since = len(program.world.calls)
    assert program.run("x").outcome.code == "done"
    calls = program.world.calls[since:]
    assert (calls.count("read head of x"), calls.count("read repository")) == (1, 1)


def test_a_repository_that_can_no_longer_be_read_makes_no_branch_absent() -> None:
    program = Program()
    program.push("x")
    world = program.world
    asked = []

    def hidden_after_the_first_look(what: str) -> None:
        if what.startswith("apply"):
            world.heads.pop("x", None)  # as GitHub's 404 shows it
        if what == "read repository":
            asked.append(what)
            if len(asked) > 1:
                raise Unreachable("it is hidden")

    def ready_at_once(what: str) -> None:
        world.become_ready()

    world.before, world.after = hidden_after_the_first_look, ready_at_once
    report = program.run("x")

    assert report.outcome.code == "unknown"
    assert len(asked) == 2
    assert (namespace_of("x"), ObjectRef("apps/v1", "Deployment", "web")) in world.objects
