"""Wait for what the controllers of a cluster do."""

import time
from collections.abc import Callable


def wait_for(what: str, ready: Callable[[], bool], *, seconds: float = 60) -> None:
    """Ask again and again until the answer is yes.

    Args:
        what: What is waited for, for the message.
        ready: What is asked.
        seconds: How long it may take.

    Raises:
        TimeoutError: It took longer.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)
