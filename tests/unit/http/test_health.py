"""Tests of the health response."""

import pytest

from app.http.health import health_response
from coppice.reconciler.errors import Forbidden


def forbidden() -> None:
    raise Forbidden("identity rg/id-0: not allowed")


def test_health_is_ok_if_everything_answers() -> None:
    answer = health_response({"github": lambda: "main", "queue": lambda: 0}, details=False)

    assert answer.status == 200
    assert answer.body == {"status": "ok", "checks": {"github": "ok", "queue": "ok"}}


def test_health_tells_codes_and_no_names_to_strangers() -> None:
    answer = health_response({"azure": forbidden, "queue": lambda: 0}, details=False)

    assert answer.status == 503
    assert answer.body == {"status": "degraded", "checks": {"azure": "forbidden", "queue": "ok"}}


def test_health_tells_reasons_to_those_with_a_key() -> None:
    answer = health_response({"azure": forbidden}, details=True)

    assert answer.body["messages"] == {"azure": "identity rg/id-0: not allowed"}


def test_one_check_that_fails_hides_no_other() -> None:
    asked = []

    def check() -> None:
        asked.append("queue")

    health_response({"azure": forbidden, "queue": check}, details=False)

    assert asked == ["queue"]


def test_a_mistake_of_ours_is_not_taken_for_ill_health() -> None:
    with pytest.raises(ZeroDivisionError):
        health_response({"azure": lambda: 1 // 0}, details=False)
