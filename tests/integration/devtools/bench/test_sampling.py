"""The samples account for what the threads of a process spend."""

import gc
import subprocess
import threading
import time

from devtools.bench.programs import ENDED, children, processor_seconds
from devtools.bench.sampling import sampled

_SPENT = 0.1  # seconds


def _spend() -> None:
    until = time.thread_time() + _SPENT
    while time.thread_time() < until:
        sum(range(1000))


def test_the_processor_seconds_of_all_threads_are_accounted_for() -> None:
    whole = time.process_time()
    with sampled() as samples:
        threads = [threading.Thread(target=_spend) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    whole = time.process_time() - whole
    seen = sum(each.processor for each in samples.taken)
    assert 3 * _SPENT <= seen + samples.unseen <= whole
    assert samples.by_room()["tests"] > 0


def test_garbage_is_collected_afterwards_as_it_was_before() -> None:
    with sampled():
        _spend()
    assert gc.isenabled()


def test_the_servers_that_a_measurement_starts_are_no_part_of_the_program() -> None:
    servers = children()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(b"x")
        program.stdin.flush()
        assert program.stdout.read(1) == b"x"  # it has its own name by now
        assert processor_seconds(without=servers).keys() - {ENDED} == {"cat"}
        assert "cat" not in processor_seconds(without={*servers, program.pid})
        program.stdin.close()
