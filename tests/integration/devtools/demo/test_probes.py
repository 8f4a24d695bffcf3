import json
from pathlib import Path

from devtools.demo.probes import runs


def test_runs_of_one_branch_are_found_in_a_log(tmp_path: Path) -> None:
    log = tmp_path / "host.log"
    lines = [json.dumps({"branch": branch, "outcome": "Done"}) for branch in ("a", "b", "a")]
    log.write_text(
        "".join(f"2026-01-01 coppice.run INFO run {line}\n" for line in lines) + "other run words\n"
    )
    assert runs(log, "a") == [{"branch": "a", "outcome": "Done"}] * 2
