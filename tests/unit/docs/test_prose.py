"""The prose of every page: short lines, and no word that the program used to have for its things."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LISTED = ["git", "-c", "safe.directory=*", "ls-files", "*.md"]
PAGES = subprocess.run(LISTED, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
WIDTH = 100
# What they were called → what they are called.
OLD = {
    "books": "records",
    "bookshelf": "RecordSet",
    "gate": "barrier, Wait",
    "loop": "reconciler, run",
    "mend": "repair, fix",
    "mended": "repaired, fixed",
    "mends": "repairs, fixes",
    "shelf": "RecordSet",
    "stand-in": "emulator",
    "stand-ins": "emulators",
    "standing": "Present, exists",
    "told": "reported, says",
    "whoever": "the one that",
}


def prose(page: str) -> list[tuple[int, str]]:
    """The lines of a page with their numbers: no code, no table."""
    found, code = [], False
    for number, line in enumerate((ROOT / page).read_text().splitlines(), start=1):
        if re.match(r"\s*```", line):
            code = not code
        elif not code and not line.startswith("|"):
            found.append((number, line))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_no_line_of_prose_is_longer_than_a_hundred_characters(page: str) -> None:
    # The target of a link and a command cannot be broken.
    bare = [(number, re.sub(r"\]\([^)]*\)|`[^`]*`", "", line)) for number, line in prose(page)]
    assert [(number, line) for number, line in bare if len(line) > WIDTH] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_a_word_that_the_program_has_given_up(page: str) -> None:
    text = re.sub(r"^```.*?^```|`[^`]*`", "", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)
    if page == "docs/reference/settings.md":  # what its rows say is written where the settings are declared
        text = re.sub(r"^\|.*$", "", text, flags=re.MULTILINE)
    assert {word.lower() for word in re.findall(r"[A-Za-z-]+", text)} & OLD.keys() == set()
