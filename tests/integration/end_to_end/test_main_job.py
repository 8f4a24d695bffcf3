"""The main job through the host, with nothing hurried: pods and namespaces take their time here."""

import contextlib
from collections.abc import Iterator

import pytest

from coppice.components.namespace import IDENTITY, READY, RESULT, URL
from devtools.demo.assertions import until
from devtools.demo.world import program, world
from devtools.emulators.azurite import AzuriteMissingError, azurite
from tests.integration.end_to_end.stage import Stage

BRANCH = "feature/new-login"
NAMESPACE = "feature-new-login"


@pytest.fixture(params=["memory", "azurite"])
def unhurried(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A world and a program of the test's own."""
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(azurite()) if request.param == "azurite" else ""
        except AzuriteMissingError as error:
            pytest.skip(str(error))
        place = stack.enter_context(world(tmp_path_factory.mktemp("unhurried")))
        served = stack.enter_context(program(place, AzureWebJobsStorage=connection))
        yield Stage(world=place, program=served, branch=BRANCH)


def test_a_branch_gets_its_environment_follows_its_pushes_and_leaves_nothing_behind(unhurried: Stage) -> None:
    stage, eyes = unhurried, unhurried.eyes

    stage.actors.push(BRANCH)
    assert stage.stands(BRANCH) == NAMESPACE
    until("its pods are up", lambda: result(stage) == READY, seconds=30)
    noted = annotations(stage)
    [credential] = eyes.credentials()
    assert credential.identity == noted[IDENTITY]
    assert credential.subject == f"system:serviceaccount:{NAMESPACE}:postgres-service-account"
    assert noted[URL] == f"http://{NAMESPACE}.example.test/"
    before = eyes.objects(NAMESPACE)
    assert {("Deployment", "todo-app-be"), ("ServiceMonitor", "todo-app-metrics")} <= before

    stage.actors.commit(BRANCH, "Another", add={"more.yaml": CONFIG_MAP}, remove=("../../base/todo-cron",))
    stage.actors.push(BRANCH)
    stage.stands(BRANCH)
    until(
        "what left the overlay is pruned",
        lambda: eyes.objects(NAMESPACE) ^ before == {("ConfigMap", "more"), ("CronJob", "todo-cron")},
    )

    assert stage.api.put(f"/api/environments/{BRANCH}").status_code == 202  # a request that has to go too
    stage.actors.delete(BRANCH)
    until("nothing is left", lambda: not eyes.leftovers(), seconds=30)
    log = stage.program.log.read_text()
    assert " ERROR " not in log
    assert "-poison" not in log.partition("Executing")[2]


def annotations(stage: Stage) -> dict[str, str]:
    found = stage.eyes.environment(BRANCH)
    assert found is not None
    noted: dict[str, str] = found["metadata"]["annotations"]
    return noted


def result(stage: Stage) -> str:
    return annotations(stage)[RESULT]


CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: more
data:
  of: this
"""
