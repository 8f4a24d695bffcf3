"""Wait for what the controllers of a cluster do."""

import time
from collections.abc import Callable


def wait_for(what: str, ready: Callable[[], bool], *, seconds: float = 60) -> None:
    """Call a function repeatedly until it returns true.

    Args:
        what: What the function waits for, for the error message.
        ready: The function.
        seconds: The most seconds to wait.

    Raises:
        TimeoutError: It took longer.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)
