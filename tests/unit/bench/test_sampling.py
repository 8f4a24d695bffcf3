"""What a thread is said to do."""

import sysconfig

import pytest

from devtools.bench.sampling import Sample, Samples, described
from devtools.demo.processes import ROOT

LIBRARIES = sysconfig.get_paths()["purelib"]
STANDARD = sysconfig.get_paths()["stdlib"]


def test_work_belongs_to_the_library_that_does_it_and_is_named_by_our_function() -> None:
    stack = [
        (f"{STANDARD}/ssl.py", "SSLSocket.read"),
        (f"{LIBRARIES}/urllib3/connection.py", "HTTPConnection.getresponse"),
        (f"{ROOT}/adapters/kubernetes/transport.py", "Transport.send"),
        (f"{ROOT}/coppice/reconciler/controller.py", "run"),
    ]
    assert described(stack) == ("urllib3", "adapters.kubernetes.transport.Transport.send", False)


def test_the_standard_library_works_for_the_room_that_called_it() -> None:
    stack = [(f"{STANDARD}/json/decoder.py", "loads"), (f"{ROOT}/adapters/github/client.py", "Client.get")]
    assert described(stack)[0] == "adapters/github"
    assert described(stack[:1])[0] == "interpreter and standard library"


def test_the_benchmarks_own_frames_are_no_room() -> None:
    room, doing, _ = described(
        [(f"{ROOT}/devtools/bench/calls.py", "waited"), (f"{ROOT}/app/reconciler.py", "f")]
    )
    assert (room, doing) == ("app", "app.reconciler.f")


@pytest.mark.parametrize("function", ["Condition.wait", "Thread._wait_for_tstate_lock"])
def test_a_thread_that_waits_for_another_is_told_apart(function: str) -> None:
    stack = [(f"{STANDARD}/threading.py", function), (f"{ROOT}/coppice/reconciler/controller.py", "run")]
    assert described(stack)[2]


def sample(at: float, doing: str, *, waiting: bool = False, processor: float = 0.0) -> Sample:
    return Sample(at=at, room="app", doing=doing, waiting=waiting, processor=processor)


def test_in_a_gap_the_threads_that_did_something_are_named() -> None:
    taken = [
        sample(1, "wait", waiting=True),
        sample(2, "wait", waiting=True),
        sample(2, "build"),
        sample(3, "b"),
    ]
    samples = Samples(taken=taken)
    assert samples.between(1, 2) == [("build", 1)]
    assert samples.between(0, 1) == [("wait", 1)]
    assert samples.between(4, 5) == []


def test_the_processor_seconds_of_a_room_are_those_of_all_its_samples() -> None:
    samples = Samples(taken=[sample(1, "a", processor=0.25), sample(2, "b", processor=0.5)])
    assert samples.by_room() == {"app": 0.75}
