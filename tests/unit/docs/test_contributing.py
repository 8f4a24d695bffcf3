"""What contributors are told is so: links lead somewhere, commands exist, records and updates are whole."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
RECORDS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
PAGES = [ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MANIFESTS = {"gomod": "go.mod", "npm": "package.json", "pip": "requirements.txt", "github-actions": ".github"}
# Their `replace` lines have to move with what they pin: Dependabot would break them.
BY_HAND = {"kubernetes", "argocd", "flux"}


def parsed(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def prose(file: Path) -> str:
    """A page without its code, in which brackets are no links."""
    return re.sub(
        r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", file.read_text(), flags=re.MULTILINE | re.DOTALL)
    )


def anchors(file: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+)$", file.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", [ROOT / "CONTRIBUTING.md", *WORKFLOWS], ids=lambda page: str(page.name))
def test_every_command_of_make_exists(page: Path) -> None:
    named = set(re.findall(r"(?:^|`|: )make ([a-z-]+)", page.read_text(), flags=re.MULTILINE))
    assert named
    assert named <= targets()


def test_the_index_of_decisions_has_each_record_with_its_title_and_status() -> None:
    rows = re.findall(
        r"^\| \[(\d{4})\]\((\S+)\) \| (.+) \| (.+) \|$",
        (ROOT / "docs" / "adr" / "README.md").read_text(),
        flags=re.MULTILINE,
    )
    told = []
    for number, file in enumerate(RECORDS, start=1):
        text = file.read_text()
        title = re.match(rf"# {number}\. (.+)\n", text)
        status = re.search(r"^## Status\n\n(\w[\w ]*)", text, flags=re.MULTILINE)
        assert title, file.name
        assert status, file.name
        told.append((f"{number:04}", file.name, title[1], status[1]))
    assert rows == told


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: str(record.stem))
def test_a_record_has_its_four_sections_and_fits_on_half_a_page(record: Path) -> None:
    text = record.read_text()
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == [
        "Status",
        "Context",
        "Decision",
        "Consequences",
    ]
    assert "\nRejected:\n" in text
    assert len(text.split()) <= 450


def test_the_changelog_has_what_is_unreleased_first_and_then_the_program_s_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    sections = re.findall(r"^## \[(.+?)\](?: - \d{4}-\d\d-\d\d)?$", text, flags=re.MULTILINE)
    assert sections[:2] == ["Unreleased", version]
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, flags=re.MULTILINE)) <= kinds


def test_dependabot_looks_where_manifests_are() -> None:
    for update in parsed(ROOT / ".github" / "dependabot.yml")["updates"]:
        for place in update.get("directories") or [update["directory"]]:
            found = ROOT / place.strip("/") / MANIFESTS[update["package-ecosystem"]]
            assert found.exists(), f"{update['package-ecosystem']} {place}"


def test_every_go_module_is_upgraded_by_dependabot_or_by_hand() -> None:
    command = ["git", "-c", "safe.directory=*", "ls-files", "*go.mod"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    [update] = [
        each
        for each in parsed(ROOT / ".github" / "dependabot.yml")["updates"]
        if each["package-ecosystem"] == "gomod"
    ]
    folders = {f"/{Path(file).parent.as_posix()}" for file in listed}
    assert set(update["directories"]) == {each for each in folders if Path(each).name not in BY_HAND}


def test_the_hooks_run_programs_that_are_pinned() -> None:
    pinned = (ROOT / "requirements-dev.txt").read_text()
    packages = {"lint-imports": "import-linter"}
    for repo in parsed(ROOT / ".pre-commit-config.yaml")["repos"]:
        assert repo["repo"] == "local"
        for hook in repo["hooks"]:
            program = Path(hook["entry"].split()[0])
            assert program.parent == Path(".venv/bin")
            assert f"\n{packages.get(program.name, program.name)}==" in pinned
