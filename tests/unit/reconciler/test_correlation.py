"""The correlation ID stands in every line, in every thread, and goes when its trigger has ended."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from coppice.reconciler.correlation import accepted, annotation, carried, correlated, current, logger
from coppice.reconciler.outcome import Done
from coppice.reconciler.report import Report

DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


@pytest.mark.parametrize("text", [DELIVERY, "a", "A.b_c:d-e", "9" * 64])
def test_an_id_as_others_write_it_is_taken(text: str) -> None:
    assert accepted(text) == text


@pytest.mark.parametrize("text", [None, 7, "", " a", "a\r\nX-Evil: 1", "{}", "é", "٣", "9" * 65])
def test_what_is_too_long_or_has_other_characters_is_none(text: object) -> None:
    assert accepted(text) == ""


def test_it_holds_inside_and_not_afterwards() -> None:
    with correlated("a"):
        with correlated("b"):
            assert current() == "b"
        assert current() == "a"
    assert current() == ""


def test_a_trigger_without_an_id_does_not_take_over_its_threads_former_one() -> None:
    with correlated("a"), correlated("no id"):
        assert current() == ""


def test_threads_side_by_side_bear_the_id_of_who_asked() -> None:
    together = Barrier(3, timeout=10)

    def told(_: int) -> str:
        together.wait()
        return current()

    with ThreadPoolExecutor(3) as pool, correlated(DELIVERY):
        assert list(pool.map(carried(told), range(3))) == [DELIVERY] * 3
        assert pool.submit(current).result() == ""  # else this would prove nothing


def test_every_line_says_it_in_its_text_and_as_an_attribute(caplog: pytest.LogCaptureFixture) -> None:
    log = logger("coppice.test")
    with correlated(DELIVERY):
        log.warning("%s of %d", "one", 2)
        log.document(logging.WARNING, "found", {"a": "100%"})
    log.warning("outside")
    log.document(logging.WARNING, "found", {"a": 1})

    assert [each.getMessage() for each in caplog.records] == [
        f"one of 2 (correlation_id {DELIVERY})",
        f'found {{"a": "100%", "correlation_id": "{DELIVERY}"}}',
        "outside",
        'found {"a": 1}',
    ]
    assert [each.__dict__["correlation_id"] for each in caplog.records] == [DELIVERY, DELIVERY, "", ""]


def test_a_report_remembers_what_led_to_its_run(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with correlated(DELIVERY):
        report = Report(key={"environment": "dev"}, outcome=Done(), seconds=1)
    report.log()

    assert json.loads(caplog.messages[0].removeprefix("run "))["correlation_id"] == DELIVERY


def test_a_write_is_annotated_only_if_something_led_to_it() -> None:
    assert annotation() == {}
    with correlated(DELIVERY):
        assert annotation() == {"coppice.dev/correlation-id": DELIVERY}
