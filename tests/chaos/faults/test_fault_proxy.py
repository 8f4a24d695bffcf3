"""The faults are what they are called: seen from a client, and by what was done."""

import contextlib
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from devtools.emulators.arm.resources import Credential
from tests.chaos.faults.faults import RETRY_AFTER, Fault, Injection
from tests.chaos.faults.laboratory import Laboratory
from tests.chaos.faults.operations import NAMESPACE
from tests.chaos.faults.state import existing_objects, others, ours
from tests.chaos.faults.wire import Call

CONFIG_MAPS = "/api/v1/namespaces/payments/configmaps"
POST = Call("kubernetes", "POST", CONFIG_MAPS)
STATUSES = [each for each in Fault if each.status]


@pytest.fixture
def clean_lab(lab: Laboratory) -> Iterator[Laboratory]:
    """The laboratory, and the same afterwards."""
    before = lab.world.save()
    yield lab
    lab.world.proxy.accept_connections()
    lab.world.proxy.start_counting()
    lab.world.restore(before)


def inject(lab: Laboratory, fault: Fault) -> None:
    lab.world.proxy.start_counting(Injection(fault=fault, at=0), expected=[POST])


def post(lab: Laboratory, name: str = "mine") -> tuple[int, str | None, bytes]:
    """Create a ConfigMap: the status, what `Retry-After` said, and the body."""
    connection = http.client.HTTPConnection(
        lab.world.proxy.url("kubernetes").removeprefix("http://"), timeout=0.3
    )
    try:
        connection.request("POST", CONFIG_MAPS, json.dumps({"metadata": {"name": name}}))
        response = connection.getresponse()
        return response.status, response.headers["Retry-After"], response.read()
    finally:
        connection.close()


def was_created(lab: Laboratory, name: str = "mine") -> bool:
    return any(f"configmaps/payments/{name} " in each for each in existing_objects(lab.world))


@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        (Fault.REFUSED, ConnectionRefusedError, False),
        (Fault.RESET, ConnectionResetError, False),
        (Fault.LOST, ConnectionResetError, True),
        (Fault.TIMEOUT, TimeoutError, False),
        (Fault.TRUNCATED, http.client.IncompleteRead, True),
    ],
)
def test_a_client_meets_what_the_fault_is_called(
    clean_lab: Laboratory, fault: Fault, error: type[Exception], done: bool
) -> None:
    inject(clean_lab, fault)
    with pytest.raises(error):
        post(clean_lab)
    assert was_created(clean_lab) is done


@pytest.mark.parametrize("fault", STATUSES)
def test_a_refusal_does_nothing(clean_lab: Laboratory, fault: Fault) -> None:
    inject(clean_lab, fault)
    status, retry_after, body = post(clean_lab)
    assert (status, json.loads(body)["code"]) == (fault.status, fault.status)
    assert retry_after == (str(RETRY_AFTER) if fault is Fault.THROTTLED else None)
    assert not was_created(clean_lab)


@pytest.mark.parametrize("fault", [each for each in Fault if each is not Fault.REFUSED and not each.kills])
def test_a_fault_strikes_one_call_and_no_other(clean_lab: Laboratory, fault: Fault) -> None:
    clean_lab.world.proxy.start_counting(Injection(fault=fault, at=1), expected=[POST, POST, POST])
    assert post(clean_lab, "before")[0] == 201
    with contextlib.suppress(OSError, http.client.HTTPException):
        post(clean_lab)
    assert post(clean_lab, "after")[0] == 201
    assert [call.method for call in clean_lab.world.proxy.calls] == ["POST"] * 3


def test_a_system_that_refuses_connections_does_so_until_it_is_mended(clean_lab: Laboratory) -> None:
    clean_lab.world.proxy.start_counting(Injection(fault=Fault.REFUSED, at=1), expected=[POST, POST])
    assert post(clean_lab, "before")[0] == 201
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            post(clean_lab)
    clean_lab.world.proxy.accept_connections()
    assert post(clean_lab)[0] == 201


@pytest.mark.parametrize(("fault", "done"), [(Fault.KILLED_BEFORE, False), (Fault.KILLED_AFTER, True)])
def test_a_process_that_is_killed_is_dead_at_once(clean_lab: Laboratory, fault: Fault, done: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        clean_lab.world.proxy.pid = process.pid
        inject(clean_lab, fault)
        with pytest.raises(ConnectionResetError):
            post(clean_lab)
        assert process.wait(5) == -9
    assert was_created(clean_lab) is done


def test_what_is_left_over_and_what_is_touched_is_seen(clean_lab: Laboratory) -> None:
    world, before = clean_lab.world, (ours(clean_lab.world), others(clean_lab.world))
    subject = f"system:serviceaccount:{NAMESPACE}:api"
    left = Credential(name="x", issuer="i", subject=subject, audiences=())
    world.arm.credentials["rg-coppice/id-jobs"]["x"] = left
    assert (ours(world) != before[0], others(world) == before[1]) == (True, True)

    theirs = f"{CONFIG_MAPS}/theirs"
    document = {"metadata": {"name": "theirs", "labels": {"touched": "yes"}}}
    assert world.proxy.ask("kubernetes", "PUT", theirs, json.dumps(document).encode()).status == 200
    assert others(world) != before[1]
