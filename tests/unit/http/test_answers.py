"""Tests of the responses to failures."""

import pytest

from app.http.responses import failed
from coppice.reconciler.errors import (
    Conflict,
    Failure,
    Forbidden,
    Gone,
    NotSetUp,
    QuotaReached,
    Rejected,
    Throttled,
    Unreachable,
)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Unreachable("m"), 503),
        (Throttled("m"), 503),
        (QuotaReached("m"), 503),
        (Forbidden("m"), 503),
        (NotSetUp("m"), 503),
        (Conflict("m"), 409),
        (Rejected("m"), 409),
        (Gone("m"), 404),
    ],
)
def test_every_failure_is_an_answer_that_the_contract_knows(failure: Failure, status: int) -> None:
    answer = failed(failure)

    assert answer.status == status
    assert answer.body == {"error": {"code": failure.code, "message": "m"}}
