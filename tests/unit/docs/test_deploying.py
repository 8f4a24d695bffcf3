"""The commands of docs/how-to/deploy-to-azure.md, run as they stand with emulators of `az` and the like."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from adapters.kustomize.build import Kustomize, find
from app.config import admission_policy, layout
from app.container import Container
from app.settings import misspelt
from devtools.emulators.github.repository import create
from provisioning.renderer import Desired, render

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "deploy-to-azure.md").read_text()
COMMANDS = "\n".join(re.findall(r"^```\n(.+?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL))
# Each call becomes a line of its arguments, apart by a unit separator; what is asked for is answered with.
EMULATED = """
set -euo pipefail
called() { local IFS=$'\\x1f'; printf '%s\\n' "$*" >> "$LOG"; }
az() { called az "$@"; case "$*" in *--query*) echo "$(printf %s "$*" | cksum | cut -d' ' -f1)";; esac; }
kubectl() { called kubectl "$@"; }
kubelogin() { called kubelogin "$@"; }
make() { called make "$@"; }
curl() { called curl "$@"; }
"""


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Every call that the page makes, in order."""
    folder = tmp_path_factory.mktemp("deploying")
    log, install = folder / "log", folder / "deploy" / "cluster" / "install"
    install.parent.mkdir(parents=True)
    install.write_text('#!/bin/sh\necho deploy/cluster/install >> "$LOG"\n')
    install.chmod(0o755)
    subprocess.run(
        ["bash", "-c", EMULATED + COMMANDS],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LOG": str(log)},
        check=True,
        capture_output=True,
    )
    assert {each.name for each in folder.iterdir()} == {"deploy", "log"}  # nothing was redirected into a file
    return [line.split("\x1f") for line in log.read_text().splitlines()]


def index(calls: list[list[str]], words: str) -> int:
    """Where the page first makes a call."""
    [first, *_] = [place for place, call in enumerate(calls) if words in " ".join(call)]
    return first


def settings_of(call: list[str]) -> dict[str, str]:
    pairs = (each.partition("=") for each in call[call.index("--settings") + 1 :])
    return {name: value for name, _, value in pairs}


@pytest.fixture
def given(calls: list[list[str]]) -> dict[str, str]:
    """The settings that the app begins with."""
    return settings_of(calls[index(calls, "appsettings set")])


def test_nothing_that_the_page_defines_hides_a_command() -> None:
    defined = re.findall(r"^(\w+)\(\)", COMMANDS, flags=re.MULTILINE)
    assert defined
    assert [name for name in defined if shutil.which(name)] == []


def test_the_settings_are_whole_and_spelt_right(given: dict[str, str]) -> None:
    assert misspelt(given) == []
    program = Container(given)
    assert program.config.repository == "acme/todo-app"


def test_the_settings_let_the_example_through(given: dict[str, str], tmp_path: Path) -> None:
    program = Container(given)
    repository = create(tmp_path / "todo-app.git", ROOT / "examples" / "todo-app")
    [branch] = program.settings.branches_include
    name = program.config.name(branch)
    found = render(
        repository.commit(branch, {"note": b"first"}, "begin"),
        program.config.key(branch),
        name,
        layout=layout(program.settings, program.fence),
        guard=admission_policy(program.settings, program.fence, name),
        archives=repository,
        builder=Kustomize(lambda: find(ROOT)),
    )
    assert isinstance(found, Desired), found
    assert found.url == "http://feature-first-try.example.test/"


def test_one_branch_is_let_through_before_the_code_is_live_and_the_others_after_a_look(
    calls: list[list[str]], given: dict[str, str]
) -> None:
    assert given["BRANCHES_INCLUDE"] == "feature/first-try"
    later = [call for call in calls if "appsettings set" in " ".join(call)][1]
    assert settings_of(later).keys() == {"BRANCHES_INCLUDE", "BRANCHES_EXCLUDE"}
    live, looked = index(calls, "config-zip"), index(calls, "dry_run=true")
    assert index(calls, "appsettings set") < live < looked < calls.index(later)


def test_no_container_is_named_that_nothing_has_made(calls: list[list[str]]) -> None:
    """A named one is only looked up, see `_get_or_create_deployment_storage_container` in
    https://github.com/Azure/azure-cli/blob/dev/src/azure-cli/azure/cli/command_modules/appservice/custom.py.
    """
    [made] = [call for call in calls if call[:3] == ["az", "functionapp", "create"]]
    assert "--deployment-storage-container-name" not in made
