"""The processor time of the programs that this process has started, such as kustomize."""

import contextlib
import os
import resource
from collections.abc import Collection
from pathlib import Path

ENDED = "programs that ended"
_TICKS = os.sysconf("SC_CLK_TCK")


def children() -> dict[int, str]:
    """Return the names of the running child processes by process id."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # the thread or the process has just ended
            for pid in (task / "children").read_text().split():
                found[int(pid)] = Path(f"/proc/{pid}/comm").read_text().strip()
    return found


def processor_seconds(*, without: Collection[int] = ()) -> dict[str, float]:
    """Return the processor seconds of child processes so far, by name; those that have ended are one line.

    Args:
        without: process ids that are left out.
    """
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {ENDED: ended.ru_utime + ended.ru_stime}
    for pid, name in children().items():
        if pid not in without:
            found[name] = found.get(name, 0.0) + _seconds(pid)
    return found


def _seconds(pid: int) -> float:
    with contextlib.suppress(OSError):
        # The name in parentheses may have spaces: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(each) for each in fields[11:15]) / _TICKS
    return 0.0
