import json
import logging

import pytest

from coppice.environment.records import WriteRecord
from coppice.reconciler.errors import Throttled
from coppice.reconciler.execution import ChangeResult
from coppice.reconciler.outcome import Done, Outcome, Stalled
from coppice.reconciler.report import Report
from tests.support.builders import record_of

CHANGE = WriteRecord(record=record_of("x"))


def report(outcome: Outcome) -> Report:
    return Report(
        key={"repository": "acme/todo", "branch": "Straße"},
        outcome=outcome,
        seconds=1.23456,
        results=(ChangeResult(CHANGE), ChangeResult(CHANGE, Throttled("slow down"))),
        facts={"revision": "abc"},
    )


def test_a_run_ends_in_one_line_of_json(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    report(Done()).log()

    (record,) = caplog.records
    assert json.loads(record.getMessage().removeprefix("run ")) == {
        "repository": "acme/todo",
        "branch": "Straße",
        "revision": "abc",
        "outcome": "Done",
        "code": "done",
        "why": "",
        "seconds": 1.235,
        "changes": ["write record/feature-x"],
        "failures": ["write record/feature-x: slow down"],
    }
    assert record.levelno == logging.INFO
    assert "\n" not in record.getMessage()


def test_what_needs_a_person_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    report(Stalled("refused", "refused")).log()

    assert [each.levelno for each in caplog.records] == [logging.WARNING]


def test_no_branch_name_makes_a_second_line(caplog: pytest.LogCaptureFixture) -> None:
    Report(key={"branch": "a\nb"}, outcome=Stalled("c\nd", "x"), seconds=0).log()

    assert "\n" not in caplog.records[0].getMessage()
