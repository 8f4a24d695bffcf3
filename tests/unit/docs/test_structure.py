"""The documentation has an index, guides of one form, and an architecture that fits on two screens."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
GUIDES = sorted((DOCS / "how-to").glob("*.md"))


def links(page: Path) -> list[Path]:
    """What a page links to within the repository, in order."""
    found = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    return [(page.parent / link).resolve() for link in found if "://" not in link]


def headings(page: Path) -> list[str]:
    return re.findall(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)


def test_the_index_has_every_page() -> None:
    pages = {page for page in DOCS.rglob("*.md") if page.parent.name != "adr"} - {DOCS / "README.md"}
    assert pages - set(links(DOCS / "README.md")) == set()
    assert DOCS / "adr" / "README.md" in links(DOCS / "README.md")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.stem))
def test_a_guide_begins_with_what_the_reader_gets_and_ends_with_how_to_see_that_it_worked(
    guide: Path,
) -> None:
    [first] = re.findall(r"\A# .+\n\n(.+)", guide.read_text())
    assert re.search(r"\b(you|gets?|your)\b", first, flags=re.IGNORECASE), first
    assert re.fullmatch(r"(\d\. )?See that it work(s|ed)", headings(guide)[-1])


def test_the_architecture_fits_on_two_screens_and_follows_a_push_through_five_files_at_most() -> None:
    page = DOCS / "concepts" / "architecture.md"
    assert len(page.read_text().splitlines()) <= 110
    steps = re.findall(r"^\d\. \[`(\S+)`\]\(\.\./\.\./(\S+)\)", page.read_text(), flags=re.MULTILINE)
    assert 0 < len(steps) <= 5
    assert all(shown == linked and (ROOT / linked).is_file() for shown, linked in steps)
    assert (steps[0][0], steps[-1][0]) == ("function_app.py", "adapters/kubernetes/application_writer.py")


def test_the_readme_s_first_screen_has_its_two_commands() -> None:
    screen = (ROOT / "README.md").read_text().splitlines()[:30]
    assert [line.split("  ")[0] for line in screen if line.startswith("make ")] == ["make demo", "make test"]


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_every_file_of_the_program_that_a_page_names_exists(page: Path) -> None:
    folders = "|".join(each.name for each in ROOT.iterdir() if each.is_dir() and each.name[0] not in "._")
    named = re.findall(rf"`((?:{folders})/[\w/.*-]+\.(?:py|yaml|json|md))`", page.read_text())
    assert [each for each in named if not list(ROOT.glob(each))] == []
