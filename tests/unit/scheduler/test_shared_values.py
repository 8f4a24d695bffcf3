import pytest

from coppice.reconciler.outcome import Stalled
from scheduler.documents import DocumentError, Path, get, put
from tests.unit.scheduler.world import EVENING, World

at = Path.parse


@pytest.mark.parametrize(
    ("text", "path", "shared"),
    [
        (
            "dev: &env {state: on}\nproduction: {<<: *env}\n",
            "dev.state",
            "dev is shared as &env with production.<<",
        ),
        ("dev: &env {state: on}\nproduction: *env\n", "dev.state", "dev is shared as &env with production"),
        (
            "a: &a {x: {state: on}}\nb: {<<: [*a, {y: 1}]}\nc: [*a]\n",
            "a.x.state",
            "a is shared as &a with b.<<[0], c[0]",
        ),
        (
            "base: &b {x: &x {state: on}}\nc: {y: *x}\nd: {<<: *b}\n",
            "base.x.state",
            "base is shared as &b with d.<<",
        ),
        ("all: [&env {state: on}, *env]\n", "all[0].state", "all[0] is shared as &env with all[1]"),
        ("a: &s on\nb: *s\n", "a", "a is shared as &s with b"),
        ("&top\na: on\nself: *top\n", "a", "the document is shared as &top with self"),
    ],
)
def test_a_value_that_other_paths_share_is_not_set(text: str, path: str, shared: str) -> None:
    """Production merged dev's values, and once went to sleep with it."""
    assert get(text, at(path)) == "on"
    with pytest.raises(DocumentError) as refused:
        put(text, at(path), "off")
    assert str(refused.value) == f"{path} cannot be set alone: {shared}; write it out instead"


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("dev: &env {state: on}\n", 'dev: &env {state: "off"}\n'),  # nobody refers to it
        (
            "b: &b {x: 1, state: on}\ndev: {<<: *b, state: on}\n",
            'b: &b {x: 1, state: on}\ndev: {<<: *b, state: "off"}\n',
        ),
        ("dev: {state: on}\n---\nx: &x {y: 1}\nz: *x\n", 'dev: {state: "off"}\n---\nx: &x {y: 1}\nz: *x\n'),
    ],
)
def test_a_value_is_set_although_its_neighbours_are_shared(text: str, changed: str) -> None:
    assert put(text, at("dev.state"), "off") == changed


def test_an_environment_whose_flag_is_shared_by_an_anchor_stays_awake() -> None:
    world = World(now=EVENING)
    world.push('environment: &env {state: "on"}\nproduction: {<<: *env}\n')
    report = world.tick()
    assert isinstance(report.outcome, Stalled)
    assert "environment is shared as &env with production.<<" in report.outcome.why
    assert (world.puts, len(world.commits), world.ledgers) == ([], 2, {})
