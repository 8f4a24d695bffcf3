import json
from pathlib import Path

import pytest

from local.demo.eyes import NotAsToldError, ensure, runs, until


def test_what_should_be_and_is_not_is_an_error_that_says_it() -> None:
    ensure(True, "the sun shines")
    with pytest.raises(NotAsToldError, match="the sun shines"):
        ensure(False, "the sun shines")


def test_looking_ends_as_soon_as_it_is_there_and_at_the_deadline_if_it_is_not() -> None:
    looks = iter(["", "", "there"])
    assert until("it is there", lambda: next(looks)) == "there"
    with pytest.raises(NotAsToldError, match="it is there: not so after 0 s"):
        until("it is there", lambda: None, seconds=0)


def test_runs_of_one_branch_are_found_in_a_log(tmp_path: Path) -> None:
    log = tmp_path / "host.log"
    lines = [json.dumps({"branch": branch, "outcome": "Done"}) for branch in ("a", "b", "a")]
    log.write_text(
        "".join(f"2026-01-01 coppice.run INFO run {line}\n" for line in lines) + "other run words\n"
    )
    assert runs(log, "a") == [{"branch": "a", "outcome": "Done"}] * 2
