"""What the emulator offers beside ARM's API, in this process and from another one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError

from devtools.emulators.arm.world import example_world
from devtools.emulators.emulator import Failure

IDENTITY = ("rg-coppice", "id-feature-1")


def code(error: Any) -> str:
    return str(error.error.code)


def retry_after(error: Any) -> str:
    return str(error.response.headers["Retry-After"])


def test_a_failure_comes_as_often_as_it_was_asked_for_and_only_where(arm: Any) -> None:
    arm.emulator.fail(Failure(status=503, path_prefix="/subscriptions", method="GET", times=2))
    for _ in range(2):
        with pytest.raises(HttpResponseError) as error:
            arm.msi.user_assigned_identities.get(*IDENTITY)
        assert (error.value.status_code, code(error.value)) == (503, "ServiceUnavailable")
    arm.msi.user_assigned_identities.get(*IDENTITY)
    assert [exchange.status for exchange in arm.emulator.requests] == [503, 503, 200]


def test_a_failure_can_carry_a_code_and_a_time_to_come_back(arm: Any) -> None:
    failure = {
        "status": 409,
        "code": "AKSOperationPreempted",
        "path_prefix": "/subscriptions",
        "retry_after": 7,
    }
    assert httpx.post(f"{arm.url}/_emulator/fail", json=failure).status_code == 204
    with pytest.raises(HttpResponseError) as error:
        arm.aks.agent_pools.get("rg-coppice", "aks-coppice", "prod")
    assert code(error.value) == "AKSOperationPreempted"
    assert retry_after(error.value) == "7"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"status": 500, "unknown": 1}', b"{}"])
def test_a_failure_that_makes_no_sense_is_refused(arm: Any, body: bytes) -> None:
    assert httpx.post(f"{arm.url}/_emulator/fail", content=body).status_code == 400


def test_an_unknown_address_gets_an_error_in_arms_shape(arm: Any) -> None:
    answer = httpx.get(f"{arm.url}/subscriptions/x/unknown")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NotFound")


def test_a_body_that_is_no_json_object_is_refused(arm: Any) -> None:
    group = f"{arm.url}/subscriptions/{arm.state.world.subscription}/resourceGroups/rg-coppice"
    identity = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-feature-1"
    answer = httpx.put(f"{identity}/federatedIdentityCredentials/abc", content=b"[")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")


def test_a_process_of_its_own_serves_the_world_it_is_given(tmp_path: Path) -> None:
    world = example_world().model_copy(update={"pools": example_world().pools[:1]})
    (tmp_path / "world.json").write_text(world.model_dump_json(by_alias=True))
    command = [sys.executable, "-m", "devtools.emulators.arm", "--world", str(tmp_path / "world.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        state = httpx.get(f"{ready['url']}/_emulator/state").json()
        httpx.get(f"{ready['url']}/subscriptions/x")
        requests = httpx.get(f"{ready['url']}/_emulator/requests").json()
        process.terminate()
    assert ready["name"] == "arm"
    assert list(state["pools"]) == ["system"]
    assert state["credentials"] == {"rg-coppice/id-feature-1": [], "rg-coppice/id-feature-2": []}
    assert requests == [{"method": "GET", "path": "/subscriptions/x", "status": 404}]
