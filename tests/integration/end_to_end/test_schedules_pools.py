"""What health says of the pools that the schedule names, before the evening finds it out."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.container import Container
from app.health_checks import check_pools
from app.http.health import health_response
from devtools.demo.processes import write_kubeconfig
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import ManualScale, Pool, example_world
from devtools.emulators.emulator import Emulator
from devtools.emulators.emulator import Failure as Fail
from devtools.emulators.github.app import github_app
from devtools.emulators.github.repository import create
from devtools.emulators.serving import serving

ROOT = Path(__file__).resolve().parents[3]
MACHINES = Pool(name="vms", mode="User", virtual_machines=(ManualScale(size="Standard_D2s_v3", count=1),))


class Azure:
    """The emulator of ARM, and the program with a schedule that names some pools."""

    def __init__(self, emulator: Emulator, program: Container) -> None:
        self.emulator, self.program = emulator, program

    def told(self) -> tuple[str, str]:
        """What health says of the schedule: the code, and the message to those with a key."""
        asked = {"schedule": self.program.checks()["schedule"]}
        body = json.loads(json.dumps(health_response(asked, details=True).body))
        return body["checks"]["schedule"], body["messages"].get("schedule", "")


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Callable[..., Azure]]:
    with ExitStack() as stack:

        def begin(*pools: str) -> Azure:
            flag = {"file": "state.yaml", "path": "state"}
            dev = {"awake": [], "namespaces": ["dev"], "state": [flag], "sync": [{"argocd": "argocd/dev"}]}
            schedule = {"environments": {"dev": {**dev, "pools": pools}}}
            (tmp_path / "schedule.yaml").write_text(json.dumps(schedule))
            repository = create(tmp_path / "todo-app.git", ROOT / "examples/todo-app")
            repository.commit("main", {"state.yaml": b"state: on\n"}, "Begin")
            usual = example_world()
            world = usual.model_copy(update={"pools": (*usual.pools, MACHINES)})
            emulator = arm_app(ArmState(world=world))
            sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
            addresses = {
                "GITHUB_API_URL": stack.enter_context(serving(github_app(repository))),
                "AZURE_RESOURCE_MANAGER_URL": stack.enter_context(serving(emulator)),
                "KUBECONFIG": str(write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:9")),
                "SCHEDULE_FILE": str(tmp_path / "schedule.yaml"),
                "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            }
            return Azure(emulator, Container({**sample, **addresses}))

        yield begin


@pytest.mark.parametrize(
    ("pools", "words"),
    [
        (
            ("dev", "vms"),
            "pool/vms is of type VirtualMachines, and has no count: take it out of the schedule",
        ),
        (("nowhere", "dev"), "the cluster has no pool nowhere: correct the schedule"),
        (("system",), "pool/system is of mode System: only User pools sleep"),
    ],
)
def test_a_pool_that_can_never_sleep_is_told_before_the_evening(
    azure: Callable[..., Azure], pools: tuple[str, ...], words: str
) -> None:
    code, message = azure(*pools).told()
    assert code == "not_set_up"
    assert words in message


def test_pools_that_can_sleep_are_well_and_one_list_told_so(azure: Callable[..., Azure]) -> None:
    aks = azure("dev", "staging")
    assert aks.told() == ("ok", "")
    assert [each.path.rpartition("/")[2] for each in aks.emulator.requests] == ["agentPools"]


def test_a_schedule_without_pools_asks_azure_nothing(azure: Callable[..., Azure]) -> None:
    aks = azure()
    assert aks.told() == ("ok", "")
    assert aks.emulator.requests == []


def test_pools_that_may_not_be_read_are_told_as_azure_says_it(azure: Callable[..., Azure]) -> None:
    aks = azure("dev")
    aks.emulator.fail(
        Fail(status=403, code="AuthorizationFailed", path_prefix="/subscriptions", method="GET")
    )
    code, message = aks.told()
    assert code == "forbidden"
    assert "list the agent pools of rg-coppice/aks-coppice" in message
    power = aks.program.power
    assert power is not None
    check_pools(power)
