"""The app as Azure Functions sees it: cheap to import, and with the functions that its users know."""

import hmac
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devtools.host.settings import read_values
from devtools.tools.settings import SAMPLE

ROOT = Path(__file__).parents[2]
HEAVY = ["azure.identity", "azure.mgmt", "azure.storage", "github", "kubernetes", "pydantic", "yaml"]
FUNCTIONS = {
    "create_environment": "PUT environments/{*branch} function",
    "delete_environment": "DELETE environments/{*branch} function",
    "explain_environment": "GET environments/{*branch} function",
    "github_webhook": "POST github anonymous",
    "health": "GET health anonymous",
    "health_details": "GET health/details function",
    "list_environments": "GET environments function",
    "reconcile_branch": "queue branches",
    "reconcile_power": "queue power",
    "report_poison": "queue branches-poison",
    "report_power_poison": "queue power-poison",
    "set_power": "POST,DELETE power/{environment} function",
    "show_power": "GET power function",
    "sweep_branches": "timer 0 */10 * * * *",
    "sweep_now": "POST sweep function",
    "tick_power": "timer 0 */5 * * * *",
}
_INDEX = """
import json, sys
import function_app
indexed = function_app.app.get_functions()
functions = {
    each.get_function_name(): [binding.get_dict_repr() for binding in each.get_bindings()]
    for each in indexed
}
told = [
    each.get_function_name()
    for each in indexed
    if "context" in each.get_user_function().__annotations__
]
print(json.dumps({"modules": sorted(sys.modules), "functions": functions, "told": told}, default=str))
"""


def importing(**settings: str) -> dict[str, Any]:
    """What a fresh interpreter holds that has imported the app."""
    environment = {"PATH": "", "PYTHONDONTWRITEBYTECODE": "1", **settings}
    command = [sys.executable, "-c", _INDEX]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def imported() -> dict[str, Any]:
    """The same with no settings at all."""
    return importing()


_WEBHOOK = """
import json, sys
import azure.functions as func
import function_app

class Context:
    invocation_id = "an-invocation"

class Out:
    keys = []
    def set(self, key):
        self.keys.append(key)

webhook = function_app.github_webhook._function.get_user_function()
body = sys.argv[1].encode()
headers = {
    "Content-Type": "application/json",
    "X-GitHub-Event": "push",
    "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "X-Hub-Signature-256": sys.argv[2],
}
answer = webhook(func.HttpRequest("POST", "/api/github", headers=headers, body=body), Out(), Context())
print(json.dumps({"status": answer.status_code, "keys": Out.keys, "modules": sorted(sys.modules)}))
"""


def test_answering_a_webhook_loads_no_sdk() -> None:
    settings = read_values(SAMPLE)
    repository = settings["GITHUB_REPOSITORY"]
    body = json.dumps({"ref": "refs/heads/x", "repository": {"full_name": repository}})
    digest = hmac.new(settings["GITHUB_WEBHOOK_SECRET"].encode(), body.encode(), "sha256").hexdigest()
    command = [sys.executable, "-c", _WEBHOOK, body, f"sha256={digest}"]
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["status"] == 202
    assert [json.loads(key)["branch"] for key in answer["keys"]] == ["x"]
    sdks = [f"{sdk}." for sdk in HEAVY if sdk != "pydantic"]  # the settings are checked by that
    assert [name for name in answer["modules"] if f"{name}.".startswith(tuple(sdks))] == []


@pytest.mark.parametrize("module", HEAVY)
def test_importing_the_app_loads_no_sdk(imported: dict[str, Any], module: str) -> None:
    loaded = [name for name in imported["modules"] if name == module or name.startswith(f"{module}.")]
    assert loaded == []


def test_the_app_has_the_functions_that_its_users_know(imported: dict[str, Any]) -> None:
    assert {name: trigger(bindings) for name, bindings in imported["functions"].items()} == FUNCTIONS


def test_the_timers_run_when_their_settings_say() -> None:
    functions = importing(SWEEP_SCHEDULE="0 0 * * * *", POWER_SCHEDULE="0 30 * * * *")["functions"]
    assert trigger(functions["sweep_branches"]) == "timer 0 0 * * * *"
    assert trigger(functions["tick_power"]) == "timer 0 30 * * * *"


def test_every_function_is_told_its_invocation(imported: dict[str, Any]) -> None:
    """Else what it leads to bears no correlation ID."""
    assert sorted(imported["told"]) == sorted(FUNCTIONS)


@pytest.mark.parametrize("name", ["github_webhook", "create_environment", "delete_environment"])
def test_keys_reach_the_queue_by_the_output_binding(imported: dict[str, Any], name: str) -> None:
    [output] = [binding for binding in imported["functions"][name] if binding["type"] == "queue"]
    assert (output["queueName"], output["connection"]) == ("branches", "AzureWebJobsStorage")


def trigger(bindings: list[dict[str, Any]]) -> str:
    """A function's trigger in a line."""
    [found] = [binding for binding in bindings if binding["type"].endswith("Trigger")]
    match found["type"]:
        case "httpTrigger":
            methods = ",".join(method.rpartition(".")[2] for method in found["methods"])
            return f"{methods} {found['route']} {found['authLevel'].rpartition('.')[2].lower()}"
        case "queueTrigger":
            return f"queue {found['queueName']}"
        case _:
            return f"timer {found['schedule']}"
