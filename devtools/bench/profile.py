"""`python -m devtools.bench profile`: where the time of a first run, of a push and of a removal goes.

For each run: how long it waited for each system, the processor seconds of each room of the code, and the gaps
in which no call was under way, with what ran then. `--svg FILE` draws the first run as a waterfall.
"""

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.container import Container
from devtools.bench.calls import SYSTEMS
from devtools.bench.far import MILLISECONDS, Far, far, prepared_cluster
from devtools.bench.gaps import Gap, gaps, waited
from devtools.bench.life import Branch, Run
from devtools.bench.programs import children, processor_seconds
from devtools.bench.sampling import Samples, sampled
from devtools.bench.timing import say
from devtools.bench.waterfall import svg
from devtools.cluster.programs import ClusterUnavailableError
from devtools.emulators.postgres.server import PostgresMissingError

_LEAST = 0.0005  # processor seconds; less is not worth a line
_NAMED = 3  # functions that are named for each gap


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One run, with what it was measured with.

    Attributes:
        title: what the run did.
        run: the run.
        samples: the samples of its threads.
        programs: the processor seconds of the programs that it started, by name.
    """

    title: str
    run: Run
    samples: Samples
    programs: Mapping[str, float]


def main(arguments: list[str]) -> int:
    """Print the profiles, and draw the first.

    Args:
        arguments: the command line after `profile`.

    Returns:
        The exit code: 1 if there is no API server or no PostgreSQL to measure with.
    """
    parser = argparse.ArgumentParser(prog="python -m devtools.bench profile", description=__doc__)
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the first run as a waterfall")
    svg_file: Path | None = parser.parse_args(arguments).svg
    try:
        with prepared_cluster() as kubeconfig, far(kubeconfig) as there:
            profiles = list(_live(there))
    except (ClusterUnavailableError, PostgresMissingError) as error:
        say(f"a profile needs a real API server and PostgreSQL: {error}")
        return 1
    for each in profiles:
        sys.stdout.write("\n".join(told(each)) + "\n\n")
    if svg_file is not None:
        svg_file.write_text(_drawn(profiles[0]))
    return 0


def _drawn(profile: Profile) -> str:
    run = profile.run

    def explained(gap: Gap) -> str:
        ran = profile.samples.between(gap.begins, gap.ends)
        return ".".join(ran[0][0].split(".")[-2:]) if ran else ""

    title = f"{profile.title}, {MILLISECONDS} ms away: {len(run.calls)} calls"
    return svg(title, run.calls, begin=run.began, end=run.ended, explained=explained)


def _live(there: Far) -> Iterator[Profile]:
    """Yield the profile of each run of a branch's life that does more than wait."""
    emulators = children()
    taken: list[tuple[Samples, Mapping[str, float]]] = []

    @contextlib.contextmanager
    def around() -> Iterator[None]:
        before = processor_seconds(without=emulators)
        with sampled() as samples:
            yield
        after = processor_seconds(without=emulators)
        taken.append((samples, {name: after[name] - before.get(name, 0.0) for name in after}))

    worker = Container(there.settings)
    Branch(there=there, worker=worker, name="feature/warm").create()
    branch = Branch(there=there, worker=worker, name="feature/profile", around=around)
    for title, event in (
        ("first run", branch.create),
        ("push that changes one object", branch.change),
        ("removal", branch.remove),
    ):
        taken.clear()
        runs = event()
        for number, (run, (samples, programs)) in enumerate(zip(runs, taken, strict=True)):
            if number and run.only_waited:
                continue
            told_of = f"{title}, run {number + 1} of {len(runs)}" if len(runs) > 1 else title
            yield Profile(title=told_of, run=run, samples=samples, programs=programs)


def told(profile: Profile) -> Iterator[str]:
    """Yield the lines that describe a run."""
    run, samples = profile.run, profile.samples
    seconds, began = run.ended - run.began, run.began
    yield f"== {profile.title}: {seconds:.2f} s, {len(run.calls)} calls, {run.outcome.code}"
    yield "waited for       calls   seconds   summed"
    for each in waited(run.calls, SYSTEMS):
        yield f"  {each.system:14} {each.calls:5} {each.seconds:9.3f} {each.summed:8.3f}"
    yield "processor seconds"
    unseen = {"threads that were too short to see": samples.unseen}
    rooms = {**samples.by_room(), **profile.programs, **unseen}
    for name, spent in sorted(rooms.items(), key=lambda pair: (-pair[1], pair[0])):
        if spent > _LEAST:
            yield f"  {name:34} {spent:7.3f}"
    yield f"  (taking the samples took {samples.own:.3f})"
    found = gaps(run.calls, begin=began, end=run.ended)
    yield f"gaps without a call under way: {sum(gap.seconds for gap in found):.3f} s"
    for gap in found:
        yield (
            f"  {gap.begins - began:.3f} s, {gap.seconds * 1000:.0f} ms, "
            f"after {gap.after or 'the beginning'}, before {gap.before or 'the end'}"
        )
        for doing, number in samples.between(gap.begins, gap.ends)[:_NAMED]:
            yield f"      {number:3} samples in {doing}"
