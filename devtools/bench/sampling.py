"""Samples what the threads of this process do, and how much processor time each of them takes.

A profiler that is called for each function makes code with many small functions look several times slower
than it is. A sample every few milliseconds changes nothing of what it looks at. The processor time is not
guessed from the number of samples: the kernel counts it for each thread, and a sample only says what it was
spent on.
"""

import contextlib
import gc
import sys
import sysconfig
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType

from devtools.demo.processes import ROOT

_INTERVAL = 0.003  # seconds
_LIBRARIES = (Path(sysconfig.get_paths()["purelib"]), Path(sysconfig.get_paths()["platlib"]))
_DIVIDED = {"adapters", "coppice", "provisioning"}  # rooms whose folders are told apart
_OTHER = "interpreter and standard library"
_WAITING = {"wait", "wait_for", "_wait_for_tstate_lock", "acquire"}  # functions of `threading`


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one thread did at one moment.

    Attributes:
        at: the moment, in seconds of `time.perf_counter`.
        room: the room of the code or the library that was at work.
        doing: the innermost function of this repository; empty if there is none.
        waiting: whether it waited for another thread.
        processor: the processor seconds that the thread took since the sample before.
    """

    at: float
    room: str
    doing: str
    waiting: bool
    processor: float


@dataclass
class Samples:
    """The samples of all threads but the one that takes them.

    Attributes:
        taken: the samples, in order.
        own: the processor seconds that the sampling took.
        unseen: those of threads after the last sample of them; most live for a few milliseconds.
    """

    taken: list[Sample] = field(default_factory=list)
    own: float = 0.0
    unseen: float = 0.0

    def by_room(self) -> "Counter[str]":
        """Return the processor seconds of each room."""
        rooms: Counter[str] = Counter()
        for each in self.taken:
            rooms[each.room] += each.processor  # type: ignore[assignment]  # a Counter adds floats too
        return rooms

    def between(self, begin: float, end: float) -> list[tuple[str, int]]:
        """Return what ran between two moments, with the number of samples, the most frequent first.

        Threads that wait for others are named only if no thread did anything else.
        """
        there = [each for each in self.taken if begin <= each.at <= end and each.doing]
        busy = [each for each in there if not each.waiting] or there
        found = Counter(each.doing for each in busy)
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


@contextlib.contextmanager
def sampled() -> Iterator[Samples]:
    """Take samples while the context lasts.

    Yields:
        The samples, which are complete when the context has ended.
    """
    samples, done = Samples(), threading.Event()
    thread = threading.Thread(target=_sample, args=(samples, done), daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


def _sample(samples: Samples, done: threading.Event) -> None:
    own, spent, whole = threading.get_ident(), dict[int, float](), time.process_time()
    for each in threading.enumerate():  # what they have spent so far is not this context's
        if each.native_id is not None:
            spent[each.native_id] = _processor(each.native_id)
    began, last = time.thread_time(), False
    while not last:
        last = done.wait(_INTERVAL)  # the last round adds what was spent since the one before
        at, frames = time.perf_counter(), _frames()
        for thread in threading.enumerate():
            frame, native = frames.get(thread.ident or 0), thread.native_id
            if frame is None or native is None or thread.ident == own:
                continue
            now = _processor(native)
            room, doing, waiting = described(_stack(frame))
            took = max(0.0, now - spent.get(native, 0.0))
            samples.taken.append(Sample(at=at, room=room, doing=doing, waiting=waiting, processor=took))
            spent[native] = now
        del frames
    samples.own = time.thread_time() - began
    seen = samples.own + sum(each.processor for each in samples.taken)
    samples.unseen = max(0.0, time.process_time() - whole - seen)


def _frames() -> dict[int, FrameType]:
    """Return the innermost frame of each thread.

    Python 3.11 may stand still for ever if it collects garbage meanwhile:
    https://github.com/python/cpython/issues/106883
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return sys._current_frames()  # noqa: SLF001  (nothing public tells it)
    finally:
        if collects:
            gc.enable()


def _processor(native: int) -> float:
    """Return the processor seconds of a thread so far; 0 if it has ended.

    The clock is that of `pthread_getcpuclockid` on Linux, made from the kernel's own id: with the id of a
    thread that has ended, that function may crash.
    """
    with contextlib.suppress(OSError):
        return time.clock_gettime((~native << 3) | 6)
    return 0.0


Frame = tuple[str, str]  # the file, and the function


def _stack(frame: FrameType | None) -> list[Frame]:
    found = []
    while frame is not None:
        found.append((frame.f_code.co_filename, frame.f_code.co_qualname))
        frame = frame.f_back
    return found


def described(stack: Sequence[Frame]) -> tuple[str, str, bool]:
    """Return what a thread does: the room, the innermost function of this repository, whether it waits.

    Args:
        stack: file and function of each frame, the innermost first.
    """
    rooms = (_room(file) for file, _ in stack)
    room = next(filter(None, rooms), _OTHER)
    ours = ((f"{_module(file)}.{function}") for file, function in stack if _in_repository(file))
    file, function = stack[0]
    waiting = Path(file).stem == "threading" and function.rpartition(".")[2] in _WAITING
    return room, next(ours, ""), waiting


@cache
def _room(file: str) -> str:
    """Return the room or the library of a file; empty for the standard library."""
    if _in_repository(file):
        parts = Path(file).relative_to(ROOT).parts
        return "/".join(parts[: 2 if parts[0] in _DIVIDED and len(parts) > 2 else 1])
    for folder in _LIBRARIES:
        if file.startswith(f"{folder}/"):
            return Path(file).relative_to(folder).parts[0].removesuffix(".py")
    return ""


@cache
def _in_repository(file: str) -> bool:
    inside = file.startswith(f"{ROOT}/") and "/.venv/" not in file
    return inside and not file.startswith(f"{ROOT}/devtools/bench/")


@cache
def _module(file: str) -> str:
    return ".".join(Path(file).relative_to(ROOT).with_suffix("").parts)
