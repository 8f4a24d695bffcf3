"""The program as its settings put it together: what reaches the cluster, and what it says of it."""

import importlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.container import Container
from app.http.environments import ask, environment_response
from app.http.health import health_response
from app.http.sweeps import execute_sweep
from coppice.reconciler.outcome import Waiting
from devtools.demo.processes import write_kubeconfig
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import example_world
from devtools.emulators.github.app import github_app
from devtools.emulators.github.repository import create
from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.postgres.server import PostgresMissingError, postgres
from devtools.emulators.queues.app import queue_service
from devtools.emulators.queues.connection import emulator_connection_string
from devtools.emulators.queues.store import Queues
from devtools.emulators.serving import serving

ROOT = Path(__file__).resolve().parents[3]
BRANCH, NAMESPACE = "feature/x", "feature-x"
# The client ids of the identity that this branch is given, and of the other one.
OWN, OTHER = "00000000-0000-0000-000c-000000000002", "00000000-0000-0000-000c-000000000001"
CLASSES = f"/apis/secrets-store.csi.x-k8s.io/v1/namespaces/{NAMESPACE}/secretproviderclasses"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/todo-app-be"
POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"


@dataclass(frozen=True, kw_only=True)
class Inside:
    """The program between its emulators, and a branch.

    Args:
        program: the program.
    """

    program: Container

    def get(self, path: str) -> Any:
        """An object of the cluster."""
        return self.program.provisioning_api.get(path)

    def settle(self) -> None:
        """Run until there is nothing left to do but to wait for pods, which nothing starts here."""
        for _ in range(20):
            outcome = self.program.reconciler.reconcile(self.program.config.key(BRANCH)).outcome
            if not isinstance(outcome, Waiting) or outcome.code == "rollout":
                return
        raise AssertionError(outcome)

    def parts(self) -> Mapping[str, Any]:
        """What `GET /api/environments/{branch}` shows."""
        reconciler = self.program.reconciler
        seen, verdict, plan = reconciler.explain(self.program.config.key(BRANCH))
        body = environment_response(seen, verdict, plan, reconciler.inspect(seen)).body
        parts: Mapping[str, Any] = json.loads(json.dumps(body))["parts"]
        return parts

    def put(self) -> None:
        """What `PUT /api/environments/{branch}` does, and the run after it."""
        program = self.program
        answer, _ = ask(
            BRANCH,
            "apply",
            config=program.config,
            branches=program.repository,
            records=program.records,
            now=program.now(),
        )
        assert answer.status == 202
        self.settle()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Inside]]:
    """Puts the program together from settings, between emulators of its own."""
    with ExitStack() as stack:

        def make(**settings: str) -> Inside:
            repository = create(tmp_path / "todo-app.git", ROOT / "examples/todo-app")
            repository.commit(BRANCH, {"note": b"a branch"}, "begin")
            arm = ArmState(world=example_world(), write_seconds=0)
            cluster = stack.enter_context(serving(kubernetes_app()))
            addresses = {
                "GITHUB_API_URL": stack.enter_context(serving(github_app(repository))),
                "AZURE_RESOURCE_MANAGER_URL": stack.enter_context(serving(arm_app(arm))),
                "KUBECONFIG": str(write_kubeconfig(tmp_path / "kubeconfig", cluster)),
                "CREDENTIAL_SETTLE_SECONDS": "0",
            }
            sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
            program = Container({**sample, **addresses, **settings})
            program.provisioning_api.post("/api/v1/namespaces", {"metadata": {"name": "coppice-system"}})
            return Inside(program=program)

        yield make


def test_node_selector_and_tolerations_reach_the_pods(made: Callable[..., Inside]) -> None:
    inside = made(NODE_SELECTOR="environment=dev", TOLERATIONS="environment=dev:NoSchedule,spot:NoExecute")
    inside.settle()

    pods = inside.get(DEPLOYMENT)["spec"]["template"]["spec"]
    assert pods["nodeSelector"] == {"environment": "dev"}
    assert pods["tolerations"] == [
        {"key": "environment", "operator": "Equal", "value": "dev", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Exists", "effect": "NoExecute"},
    ]


@pytest.mark.parametrize(
    ("edited", "code", "words"),
    [
        ({"clientID": OTHER}, "other_class", f"names client id {OTHER}, that of rg-coppice/id-feature-1"),
        ({"tenantId": "another-tenant"}, "other_tenant", "names tenant another-tenant"),
    ],
)
def test_a_class_that_was_edited_by_hand_breaks_the_chain_until_the_overlay_is_applied_anew(
    made: Callable[..., Inside], edited: dict[str, str], code: str, words: str
) -> None:
    inside = made()
    inside.settle()
    (chain,) = inside.parts()["identity"]["chains"]
    assert (chain["broken"], chain["secret_provider_classes"]) == (None, {"mail-secret-provider": OWN})

    inside.program.provisioning_api.merge(f"{CLASSES}/mail-secret-provider", {"spec": {"parameters": edited}})
    (chain,) = inside.parts()["identity"]["chains"]
    assert chain["broken"]["code"] == code
    assert f"SecretProviderClass feature-x/mail-secret-provider {words}" in chain["broken"]["why"]

    inside.put()
    (chain,) = inside.parts()["identity"]["chains"]
    assert chain["broken"] is None


def test_a_policy_of_the_fence_that_was_deleted_is_missed_and_comes_back_when_it_is_asked_for(
    made: Callable[..., Inside],
) -> None:
    inside = made()
    inside.settle()
    policy = inside.get(POLICIES)["items"][0]["metadata"]
    name = policy["name"]
    inside.program.provisioning_api.delete(f"{POLICIES}/{name}", version=policy["resourceVersion"])

    (missing,) = inside.parts()["fence"]["missing"]
    assert missing.startswith(f"NetworkPolicy/{name} is gone: PUT /api/environments/{BRANCH} applies it anew")

    inside.put()
    assert inside.parts()["fence"]["missing"] == []
    assert inside.get(f"{POLICIES}/{name}")


def test_the_worker_logs_what_the_program_says_and_nothing_that_its_sdks_say(
    made: Callable[..., Inside], caplog: pytest.LogCaptureFixture
) -> None:
    """Azure's worker listens at the root, from INFO on:
    https://github.com/Azure/azure-functions-python-worker/blob/dev/workers/azure_functions_worker/dispatcher.py.
    """
    importlib.import_module("function_app")
    caplog.set_level(logging.INFO)
    with serving(queue_service(Queues())) as queues, ThreadPoolExecutor(16) as threads:
        program = made(AzureWebJobsStorage=emulator_connection_string(queues)).program
        program.reconciler.reconcile(program.config.key(BRANCH)).log()
        program.enqueue([program.config.key(BRANCH)])
        execute_sweep(
            *program.reconciler.sweep(most_deletions=5), queue=program, locks=program.reconciler.locks
        )
        asked = [threads.submit(program.checks()["azure"]) for _ in range(64)]
        assert all(each.result() for each in asked)

    said = {record.name for record in caplog.records}
    assert said == {"coppice", "coppice.run", "coppice.sweep"}


def test_health_says_which_databases_let_every_role_in(made: Callable[..., Inside]) -> None:
    try:
        with postgres() as server:
            inside = made(POSTGRES_SERVER_URL=server.admin, AzureWebJobsStorage="UseDevelopmentStorage=true")
            with psycopg.connect(server.superuser, autocommit=True) as session:
                session.execute("CREATE DATABASE older")
            asked = {"databases": inside.program.checks()["databases"]}
            told = json.loads(json.dumps(health_response(asked, details=True).body))
    except PostgresMissingError as error:
        pytest.skip(str(error))

    assert told["checks"] == {"databases": "not_set_up"}
    assert 'REVOKE CONNECT ON DATABASE "older" FROM PUBLIC;' in told["messages"]["databases"]


def blamed(program: Container) -> Mapping[str, str]:
    """What is not well, and what is said of it."""
    told: Mapping[str, str] = json.loads(json.dumps(health_response(program.checks(), details=True).body))[
        "messages"
    ]
    return {name: said for name, said in told.items() if name != "queue"}  # none runs here


def test_a_kubeconfig_that_is_not_there_is_no_fault_of_azures(made: Callable[..., Inside]) -> None:
    inside = made(AzureWebJobsStorage="UseDevelopmentStorage=true")
    settings = {**inside.program.environment, "KUBECONFIG": "no-such-file"}

    assert list(blamed(Container(settings))) == ["cluster"]


def test_a_setting_that_is_misspelt_is_told(made: Callable[..., Inside]) -> None:
    inside = made(AzureWebJobsStorage="UseDevelopmentStorage=true", KEY_VALUTS="kv-todo")

    assert blamed(inside.program) == {"settings": "KEY_VALUTS is no setting: is KEY_VAULTS meant?"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"repository": "acme/nowhere"}, "acme/nowhere cannot be read"),
        ({"branch": "nowhere"}, "has no branch nowhere"),
        ({"file": "nowhere.yaml"}, "has no file nowhere.yaml"),
        ({"path": "no.where"}, "README.md of acme/todo-app@main"),
    ],
)
def test_a_flag_of_the_schedule_that_is_nowhere_is_told(
    made: Callable[..., Inside], tmp_path: Path, wrong: dict[str, str], words: str
) -> None:
    file = tmp_path / "schedule.yaml"
    flag = {"file": "README.md", "path": "state", **wrong}
    dev = {"awake": [], "namespaces": ["dev"], "state": [flag], "sync": [{"argocd": "argocd/dev"}]}
    file.write_text(json.dumps({"environments": {"dev": dev}}))
    inside = made(AzureWebJobsStorage="UseDevelopmentStorage=true", SCHEDULE_FILE=str(file))

    (said,) = blamed(inside.program).values()
    assert "the schedule's flag" in said
    assert words in said


def test_without_a_server_of_databases_health_asks_none(made: Callable[..., Inside]) -> None:
    assert "databases" not in made(AzureWebJobsStorage="UseDevelopmentStorage=true").program.checks()
