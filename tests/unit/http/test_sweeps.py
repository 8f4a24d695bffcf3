"""Tests of sweeps over HTTP: confirmation, response and execution."""

import json
import logging
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.sweeps import confirmation, execute_sweep, report_sweep, sweep_response
from coppice.environment.key import Key
from tests.support.program import Program
from tests.support.world import Held


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_no_body_confirms_nothing(body: bytes) -> None:
    assert confirmation(body) == ""


def test_a_digest_is_confirmed() -> None:
    assert confirmation(b'{"confirm": "abc"}') == "abc"


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"7",
        b'"abc"',
        b"{}",
        b'{"confirm": ""}',
        b'{"confirm": 7}',
        b'{"confirm": null}',
        b"\xff",
        b"[" * 99999,
    ],
)
def test_a_body_that_confirms_nothing_clearly_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match="expected"):
        confirmation(body)


@given(st.binary(min_size=1, max_size=200).filter(lambda body: b"confirm" not in body and body.strip()))
def test_whatever_the_body_is_the_error_says_what_was_expected(body: bytes) -> None:
    with pytest.raises(ValueError, match="expected"):
        confirmation(body)


def drifted() -> Program:
    program = Program()
    program.stand("gone")
    program.delete_branch("gone")
    program.push("new")
    return program


def test_a_dry_run_answers_with_the_plan_and_its_digest() -> None:
    found, orphans = drifted().reconciler.sweep(most_deletions=5)

    answer = sweep_response(found, orphans, queued=0, dry_run=True)

    assert answer.status == 200
    told = json.loads(json.dumps(answer.body))
    assert [each["branch"] for each in told["remove"]] == ["gone"]
    assert "delete namespace/feature-gone" in told["remove"][0]["changes"]
    assert [each["branch"] for each in told["make"]] == ["new"]
    assert (told["dry_run"], told["queued"], told["digest"]) == (True, 0, found.digest)


def test_a_sweep_answers_that_its_keys_are_queued() -> None:
    found, orphans = drifted().reconciler.sweep(most_deletions=5)

    answer = sweep_response(found, orphans, queued=2, dry_run=False)

    assert (answer.status, answer.body["queued"]) == (202, 2)


def test_what_a_sweep_had_to_mend_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """A sweep that repairs silently would hide that webhooks do not work."""
    caplog.set_level(logging.INFO)

    report_sweep(*drifted().reconciler.sweep(most_deletions=5))
    report_sweep(*Program().reconciler.sweep(most_deletions=5))

    assert [each.levelno for each in caplog.records] == [logging.WARNING, logging.INFO]


def test_a_sweep_queues_what_differs_and_clears_away_the_leases_of_runs_that_died(
    caplog: pytest.LogCaptureFixture,
) -> None:
    program, queued = drifted(), list[str]()
    program.world.leases["branch/feature-x"] = Held(holder="dead", until=program.world.now)
    found, orphans = program.reconciler.sweep(most_deletions=5)

    class Queue:
        def enqueue(self, keys: Iterable[Key]) -> None:
            queued.extend(each.branch for each in keys)

    execute_sweep(found, orphans, queue=Queue(), locks=program.reconciler.locks)

    assert sorted(queued) == ["gone", "new"]
    assert program.world.leases == {}
    assert 'runs that died {"locks": ["branch/feature-x"]}' in caplog.text
