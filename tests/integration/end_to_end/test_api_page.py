"""The commands of docs/reference/http-api.md, as they stand there, against the program."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.demo.world import program, world
from tests.integration.end_to_end.stage import Stage

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "http-api.md").read_text()
# A command may go on in the next line; its answer follows.
COMMANDS = re.findall(r"^\$ (curl (?:.*\\\n)*.*)$", PAGE, flags=re.MULTILINE)
VARIABLES = dict(re.findall(r"^\$ (BODY|SIGNATURE)=(.*)$", PAGE, flags=re.MULTILINE))
SET = re.findall(r"^([A-Z_]+)=", PAGE, flags=re.MULTILINE)
PUSHED = re.findall(r"HEAD:refs/heads/(\S+)", PAGE)


def answers(stage: Stage, command: str) -> dict[str, object]:
    """What a command prints, as JSON."""
    assignments = [f"{name}={value}" for name, value in VARIABLES.items()]
    done = subprocess.run(
        ["bash", "-euc", "\n".join([*assignments, command])],
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "URL": str(stage.api.base_url).rstrip("/"),
            "KEY": "",
            "GITHUB_WEBHOOK_SECRET": stage.world.settings["GITHUB_WEBHOOK_SECRET"],
        },
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_every_variable_is_set_before_it_is_used() -> None:
    used = set(re.findall(r"\$([A-Z_]{3,})", "\n".join([*COMMANDS, *VARIABLES.values()])))
    assert used <= {*SET, *VARIABLES}


@pytest.mark.parametrize("branch", re.findall(r"api/environments/([\w/-]+)", "\n".join(COMMANDS)))
def test_every_branch_that_is_asked_for_was_pushed(branch: str) -> None:
    assert branch in PUSHED


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage of its own: other tests have these branches too."""
    at_once = ("--ready-seconds", "0", "--termination-seconds", "0")
    with world(tmp_path, kubernetes=at_once) as place, program(place) as served:
        yield Stage(world=place, program=served, branch=PUSHED[0])


def test_every_command_is_answered_as_the_page_has_it(stage: Stage) -> None:
    stage.actors.push(*PUSHED, webhooks_arrive=False)
    for command in COMMANDS:
        answer = answers(stage, command)
        if "/api/power/" in command:  # of those the page says that they need a schedule
            assert answer["error"]["code"] == "no_schedule"  # type: ignore[index]
            continue
        shown = PAGE.partition(f"$ {command}\n")[2].partition("```")[0].partition("\n$ ")[0]
        assert list(answer) == [key for key in answer if f'"{key}"' in shown], command
        assert "error" not in answer, command
