import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest

from devtools.interrupts import ended_by_signals
from tests.support.background import ROOT, SIGINT_IGNORED

SERVER = """
import threading
from devtools.interrupts import ended_by_signals
try:
    with ended_by_signals():
        print("up", flush=True)
        threading.Event().wait()
except KeyboardInterrupt:
    print("ended")
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("start", [[], SIGINT_IGNORED], ids=["shell", "script"])
def test_a_command_ends_by_a_signal_even_as_a_background_job_of_a_script(
    start: Sequence[str], how: signal.Signals
) -> None:
    command = [*start, sys.executable, "-c", SERVER]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(how)
        output, _ = process.communicate(timeout=20)

    assert output == "ended\n"


def test_the_former_signal_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with ended_by_signals():
        pass

    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_in_a_thread_nothing_changes() -> None:
    seen: list[object] = []

    def serve() -> None:
        with ended_by_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()

    assert seen == [before]
