import json
import sys
from pathlib import Path

import pytest
import yaml

from devtools.tools import proofs
from devtools.tools.binaries import ROOT


def test_a_name_stands_for_the_parts_that_begin_with_it_and_no_name_for_all() -> None:
    assert proofs.chosen([]) == list(proofs.PARTS)
    assert proofs.chosen(["storm", "histories"]) == ["histories/branches", "histories/power", "storm"]
    assert proofs.chosen(["faults/sweep"]) == ["faults/sweep"]


def test_a_name_that_stands_for_nothing_is_told_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert proofs.main(["fault"]) == 2
    assert "no proof 'fault'; there are faults/provisioning, faults/update" in capsys.readouterr().out


def test_a_part_that_has_passed_is_not_run_again_and_one_that_failed_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran, passed = tmp_path / "ran", tmp_path / "proofs" / "source.json"

    def part(name: str, code: int) -> tuple[str, ...]:
        return (
            sys.executable,
            "-c",
            f"open({str(ran)!r}, 'a').write({name!r} + ' '); raise SystemExit({code})",
        )

    monkeypatch.setattr(proofs, "PARTS", {"a": part("a", 0), "b": part("b", 1), "c": part("c", 0)})
    assert proofs.prove(["a", "b", "c"], passed) == ["b"]
    assert proofs.prove(["a", "b", "c"], passed) == ["b"]

    assert ran.read_text() == "a b c b "
    assert set(json.loads(passed.read_text())) == {"a", "c"}


def test_the_nightly_workflow_runs_every_part() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yml").read_text())
    named = workflow["jobs"]["proofs"]["strategy"]["matrix"]["part"]

    assert proofs.chosen(named) == list(proofs.PARTS)
