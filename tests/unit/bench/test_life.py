"""Which calls count, and when everything was applied."""

import pytest

from coppice.reconciler.outcome import Done, Outcome, Waiting
from devtools.bench import counted as counting
from devtools.bench.calls import ARM, GITHUB, KUBERNETES, POSTGRES, Call
from devtools.bench.life import Run, applied, counted, until_applied
from devtools.bench.running import Taken, figure, taken

WAITING = Waiting("namespace/x is not gone yet", "terminating", 5.0)
HERE = "/api/v1/namespaces/feature-x"


def call(what: str, began: float = 0, ended: float = 1, system: str = KUBERNETES) -> Call:
    kind = "sql" if system == POSTGRES else "http"
    return Call(system=system, what=what, began=began, ended=ended, kind=kind)  # type: ignore[arg-type]


def run(*calls: Call, outcome: Outcome = WAITING) -> Run:
    return Run(calls=calls, began=0, ended=1, outcome=outcome)


LOOK = (call("GET /repos/a/b", system=GITHUB), call(f"GET {HERE}"))


def test_of_the_runs_that_only_wait_one_counts() -> None:
    removing = run(*LOOK, call(f"DELETE {HERE}"))
    done = run(*LOOK, call("DELETE /record"), outcome=Done())
    longer = run(*LOOK, *LOOK)
    assert len(counted([removing, run(*LOOK), longer, run(*LOOK), done])) == 3 + 4 + 3


def test_a_run_that_waits_and_has_written_something_counts_like_any_other() -> None:
    acting = run(*LOOK, call(f"PATCH {HERE}"))
    assert len(counted([acting, acting, run(*LOOK, outcome=Done())])) == 8


def test_a_dry_run_is_no_reason_to_count_a_run_that_waits() -> None:
    judged = run(*LOOK, call(f"PATCH {HERE}/secrets/a (dry run)"))
    assert judged.only_waited


def test_requests_and_round_trips_of_sql_are_told_apart() -> None:
    sql = call("SELECT 1", system=POSTGRES)
    runs = [run(*LOOK, sql), run(*LOOK, sql, outcome=Done())]
    found = counting.figure("first run", runs, [*runs, runs[-1]], most=3)
    assert (found.value, found.reached) == (4, False)
    assert found.samples["SQL round trips"] == 2
    assert found.samples[GITHUB] == 2
    assert found.samples["until settled, with one run of those that only wait"] == 6


def test_all_is_applied_once_the_namespace_says_so_after_its_last_object() -> None:
    calls = [
        call(f"PATCH {HERE}", 0, 1),  # made, and not yet noted
        call(f"PATCH {HERE}/services/a", 2, 5),
        call("PATCH /apis/apps/v1/namespaces/feature-x/deployments/a", 3, 4),
        call(f"PATCH {HERE}", 4.5, 6),  # too early: an object is still being written
        call(f"GET {HERE}", 6, 7),
        call(f"PATCH {HERE}", 7, 8),
        call(f"PATCH {HERE}", 9, 10),  # the rollout
    ]
    assert applied(calls, "feature-x") == 8


def test_what_follows_the_run_that_has_applied_everything_is_the_rollout() -> None:
    begun = run(call(f"PATCH {HERE}", 0, 1), call(f"PATCH {HERE}/services/a", 1, 2))
    noted = run(call(f"PATCH {HERE}/services/b", 3, 4), call(f"PATCH {HERE}", 5, 6))
    up = run(call(f"PATCH {HERE}", 7, 8), outcome=Done())
    assert until_applied([begun, noted, up], "feature-x") == [begun, noted]
    assert until_applied([noted], "feature-x") == [noted]
    with pytest.raises(ValueError, match="nothing was noted"):
        until_applied([begun], "feature-x")


@pytest.mark.parametrize(
    "calls",
    [
        [call(f"PATCH {HERE}", 2, 3)],
        [call(f"PATCH {HERE}/services/a", 1, 2), call(f"PATCH {HERE}-2", 2, 3)],
        [call(f"PATCH {HERE}/services/a", 1, 2), call(f"PATCH {HERE}", 1.5, 3)],
    ],
)
def test_without_such_a_note_nothing_is_measured(calls: list[Call]) -> None:
    with pytest.raises(ValueError, match="nothing was noted on feature-x"):
        applied(calls, "feature-x")


def test_the_slowest_write_is_one_before_the_end_and_without_its_round_trip() -> None:
    calls = [
        call("PUT /credential", 0, 0.05, ARM),
        call("CREATE DATABASE x", 0, 0.08, POSTGRES),
        call("SELECT 1", 0, 0.5, POSTGRES),
        call(f"PATCH {HERE}/services/a", 0.1, 0.14),
        call(f"PATCH {HERE}", 0.2, 0.25),
        call(f"PATCH {HERE}", 1, 3),
    ]
    found = taken(calls, began=-1, namespace="feature-x", build=0.2)
    assert (found.seconds, found.build) == (1.25, 0.2)
    assert found.slowest_write == pytest.approx(0.05)


def test_a_first_run_is_measured_beside_its_critical_path_and_the_path_is_told() -> None:
    rounds = [Taken(seconds=each, build=0.2, slowest_write=0.04) for each in (1.5, 9.0, 1.5)]
    found = figure(rounds)
    assert found.value == pytest.approx(1.5 / (17 * 0.03 + 0.24))
    assert "17 round trips of 30 ms" in found.reference
    assert str(found.samples["path"]).startswith("branch head → archive redirect → archive → build → record")
