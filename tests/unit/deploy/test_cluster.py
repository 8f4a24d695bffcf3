"""What an administrator applies binds the identities that the one file to edit names, whatever builds it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy/cluster"
PROGRAMS = [
    [program, *arguments]
    for program, arguments in (
        (str(ROOT / "bin/kustomize"), ["build"]),
        ("kustomize", ["build"]),
        ("kubectl", ["kustomize"]),
    )
    if shutil.which(program)
]


@pytest.mark.parametrize("program", PROGRAMS, ids=[Path(each[0]).name for each in PROGRAMS])
def test_each_part_is_bound_to_the_identity_that_the_file_names(program: list[str]) -> None:
    done = subprocess.run([*program, str(FOLDER)], capture_output=True, check=True)
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(done.stdout))
    identities = yaml.safe_load((FOLDER / "identities.yaml").read_text())["data"]
    bound = {
        each["metadata"]["name"]: each["subjects"][0]["name"]
        for each in documents
        if each["kind"] == "ClusterRoleBinding"
    }
    parts = ("provisioning", "deprovisioning", "scheduling")
    assert bound == {f"coppice-{part}": identities[part] for part in parts}


def test_there_is_something_that_builds_it() -> None:
    assert PROGRAMS, "make setup"
