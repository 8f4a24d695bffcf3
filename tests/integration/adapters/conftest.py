"""The adapters against the emulators: the real SDKs over real sockets, nothing mocked."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import tenacity
from kubernetes.client import Configuration
from starlette.types import Receive, Scope, Send

from adapters.kubernetes.client import Api
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import example_world
from devtools.emulators.emulator import Emulator
from devtools.emulators.github.app import github_app
from devtools.emulators.github.repository import Repository, create
from devtools.emulators.kubernetes import status
from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.kubernetes.world import SimulatorSettings
from devtools.emulators.queues.app import queue_service
from devtools.emulators.queues.store import Queues
from devtools.emulators.serving import serving
from tests.integration.adapters.worlds import (
    TOKEN,
    Azure,
    Clock,
    Cluster,
    GitHub,
    Stage,
    Storage,
    azure_at,
    queue_at,
    repository_at,
)


@pytest.fixture(autouse=True)
def retries_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture(scope="session")
def stages() -> Iterator[list[tuple[Stage, str]]]:
    """Four servers for the four systems."""
    first, second, third, fourth = Stage(), Stage(), Stage(), Stage()
    with serving(first) as a, serving(second) as b, serving(third) as c, serving(fourth) as d:
        yield [(first, a), (second, b), (third, c), (fourth, d)]


@pytest.fixture(scope="session")
def by_hand(stages: list[tuple[Stage, str]]) -> Iterator[httpx.Client]:
    """What a test itself does to the cluster; one for all, since making one takes a while."""
    with httpx.Client(base_url=stages[0][1], headers={"X-Test": "1"}) as client:
        yield client


@pytest.fixture
def cluster(stages: list[tuple[Stage, str]], by_hand: httpx.Client) -> Cluster:
    """Return a cluster with `coppice-system`; what the tests' own client asks is not in the log."""
    stage, url = stages[0]
    clock = Clock()
    app = kubernetes_app(clock=clock, settings=SimulatorSettings(termination_seconds=0))
    emulator = Emulator(app, state=dict, error=status.failure)

    async def log_the_program_only(scope: Scope, receive: Receive, send: Send) -> None:
        ours = (b"x-test", b"1") in scope["headers"]
        await (app if ours else emulator)(scope, receive, send)

    stage.app = log_the_program_only
    made = Cluster(url=url, emulator=emulator, api=Api(Configuration(host=url)), clock=clock, http=by_hand)
    made.namespace("coppice-system")
    return made


@pytest.fixture
def azure(stages: list[tuple[Stage, str]]) -> Azure:
    """Return a subscription with two identities and a cluster."""
    stage, url = stages[1]
    state = ArmState(world=example_world(), write_seconds=0)
    emulator = arm_app(state)
    stage.app = emulator
    return Azure(url=url, emulator=emulator, state=state, ours=azure_at(url))


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit, to be copied."""
    folder = tmp_path_factory.mktemp("seed")
    (folder / "files/manifests").mkdir(parents=True)
    (folder / "files/manifests/web.yaml").write_text("kind: Deployment\n")
    return create(folder / "bare.git", folder / "files").path


@pytest.fixture
def github(stages: list[tuple[Stage, str]], bare: Path, tmp_path: Path) -> GitHub:
    """Return a repository on GitHub with the branch `main`."""
    stage, url = stages[2]
    shutil.copytree(bare, tmp_path / "r.git")
    git = Repository(path=tmp_path / "r.git")
    emulator = github_app(git, token=TOKEN)
    stage.app = emulator
    return GitHub(url=url, emulator=emulator, git=git, repository=repository_at(url))


@pytest.fixture
def storage(stages: list[tuple[Stage, str]]) -> Storage:
    """Return an account without queues."""
    stage, url = stages[3]
    clock = [1_800_000_000.0]
    queues = Queues(now=lambda: clock[0])
    emulator = Emulator(queue_service(queues), state=dict, error=lambda number, code: {"status": number})
    stage.app = emulator
    return Storage(url=url, emulator=emulator, queues=queues, queue=queue_at(url), clock=clock)
