"""The names of the program: none of those that it has given up for the field's own words comes back."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What it was called → what it is called. Words that are plain English too, as `look`, are left out.
GIVEN_UP = {
    "BookAdapter": "RecordStore",
    "Books": "BranchRecords",
    "Break": "Finding",
    "CHAIN": "MAX_AGE",
    "Closer": "Inspection",
    "Composition": "Container",
    "Gate": "Wait",
    "Move": "Transition",
    "Night": "SleepPeriod",
    "Ran": "RunResult",
    "Seen": "ReconcileContext",
    "Shelf": "RecordSet",
    "Sighting": "ObjectStatus",
    "StandIn": "an emulator",
    "Standing": "Present",
    "Stop": "Blocked",
    "Struck": "Suppressed",
    "Survey": "ApplyContext, Observations",
    "Terms": "a …Config",
    "Turn": "ScheduleChange, Slot",
    "Wish": "ManifestRenderer",
    "asking_again": "retry_reads",
    "await_it": "poll_until",
    "books": "records",
    "carry_out": "execute_sweep",
    "closer": "inspection",
    "composed": "container",
    "composition": "app",
    "contended": "retry_conflicts",
    "everything": "observe_all",
    "hopeless": "blocked",
    "loop": "reconciler",
    "misdirected": "check_provider_classes",
    "misnamed": "check_service_account",
    "nights": "sleep_periods, power_store",
    "pointed": "with_identities",
    "police": "enforce_ownership",
    "rises": "mark_awake",
    "shelf": "record_set",
    "sightings": "statuses",
    "spoilt": "unparseable",
    "standin": "emulator",
    "standins": "emulators",
    "struck": "suppressed",
    "surplus": "extra",
    "survey": "observe_all, apply_context",
    "swept": "sweep_response",
    "syncs": "gitops",
    "taking_turns": "retry_throttled",
    "upkeep": "repair",
    "wanted": "decide, desired",
}


def names(file: Path) -> Iterator[str]:
    """What a file gives to others: its own name, and those of its classes, functions, methods and fields."""
    yield from file.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def sources() -> list[str]:
    command = ["git", "-c", "safe.directory=*", "ls-files", "*.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [path for path in listed if not path.startswith(("tests/", "examples/"))]


@pytest.mark.parametrize("path", sources())
def test_no_name_is_one_that_was_given_up(path: str) -> None:
    assert {name: GIVEN_UP[name] for name in names(ROOT / path) if name in GIVEN_UP} == {}
