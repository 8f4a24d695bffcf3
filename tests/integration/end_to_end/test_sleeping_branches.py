"""A branch environment through an evening and a morning, by the program as it is put together."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.container import Container
from app.http.environments import ask
from coppice.reconciler.outcome import Done, Waiting
from devtools.demo.processes import write_kubeconfig
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import example_world
from devtools.emulators.github.app import github_app
from devtools.emulators.github.repository import create
from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.kubernetes.world import SimulatorSettings
from devtools.emulators.serving import serving

ROOT = Path(__file__).resolve().parents[3]
SCHEDULE = """\
environments:
  features:
    awake: ["Mon-Sun 06:00-22:00"]
"""


class Clock:
    """The time, moved by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def move_to(self, hour: int) -> None:
        """The next time that it is this hour, a day from now at the earliest."""
        later = self() + timedelta(days=1)
        self.ahead += later.replace(hour=hour, minute=30) - self()


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.move_to(12)
    return clock


@pytest.fixture
def program(tmp_path: Path, clock: Clock) -> Iterator[Container]:
    repository = create(tmp_path / "todo-app.git", ROOT / "examples/todo-app")
    repository.commit("feature/x", {"note": b"a branch"}, "begin")
    (tmp_path / "schedule.yaml").write_text(SCHEDULE)
    cluster_app = kubernetes_app(settings=SimulatorSettings(ready_seconds=0), clock=clock)
    with (
        serving(arm_app(ArmState(world=example_world(), write_seconds=0))) as azure,
        serving(github_app(repository)) as github,
        serving(cluster_app) as cluster,
    ):
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", cluster)
        sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
        ours = {"KUBECONFIG": str(kubeconfig), "SCHEDULE_FILE": str(tmp_path / "schedule.yaml")}
        program = at(clock)({**sample, **ours, "GITHUB_API_URL": github, "AZURE_RESOURCE_MANAGER_URL": azure})
        program.provisioning_api.post("/api/v1/namespaces", {"metadata": {"name": "coppice-system"}})
        yield program


def at(clock: Clock) -> Callable[[dict[str, str]], Container]:
    class Timed(Container):
        now = staticmethod(clock)

    return Timed


def settle(program: Container) -> None:
    """What sweep and queue do, until nothing is left to do."""
    for _ in range(50):
        found, _ = program.reconciler.sweep(most_deletions=0)
        outcomes = [program.reconciler.reconcile(key).outcome for key in found.keys]
        if not outcomes:
            return
        assert all(isinstance(each, Done | Waiting) for each in outcomes), outcomes
    raise AssertionError(f"it does not come to rest: {outcomes}")


def running(program: Container) -> dict[str, Any]:
    where = "/apis/apps/v1/namespaces/feature-x/deployments"
    deployments = program.provisioning_api.get(where)["items"]
    jobs = program.provisioning_api.get("/apis/batch/v1/namespaces/feature-x/cronjobs")["items"]
    return {
        **{each["metadata"]["name"]: each["spec"]["replicas"] for each in deployments},
        **{each["metadata"]["name"]: not each["spec"].get("suspend", False) for each in jobs},
    }


def test_a_branch_environment_sleeps_at_night_and_wakes_in_the_morning(
    program: Container, clock: Clock
) -> None:
    settle(program)
    by_day = running(program)
    assert all(by_day.values())

    clock.move_to(23)
    settle(program)
    assert not any(running(program).values())

    clock.move_to(7)
    settle(program)
    assert running(program) == by_day


def test_a_request_wakes_a_sleeping_branch_at_night(program: Container, clock: Clock) -> None:
    settle(program)
    clock.move_to(23)
    settle(program)
    assert not any(running(program).values())

    ask(
        "feature/x",
        "apply",
        config=program.config,
        branches=program.repository,
        records=program.records,
        now=clock(),
    )
    settle(program)
    assert all(running(program).values())
