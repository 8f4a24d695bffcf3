"""`python -m devtools.tools.settings`: write the settings reference and the sample from the declarations.

Of the reference these are the tables and two lists; the prose between them stays.
"""

import json
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.settings import DEFAULT_KINDS
from app.settings.declaration import Section, Setting, as_text
from app.settings.host import FUNCTIONS_SETTINGS, HostSettings
from app.settings.model import DECLARED, RENDERING, SECTIONS

_ROOT = Path(__file__).resolve().parents[2]
PAGE = _ROOT / "docs" / "reference" / "settings.md"
SAMPLE = _ROOT / "local.settings.sample.json"

EMULATED = {
    "GITHUB_REPOSITORY": "acme/todo-app",
    "GITHUB_API_URL": "http://127.0.0.1:7082",
    "GITHUB_TOKEN": "any-token-will-do-here",
    "GITHUB_WEBHOOK_SECRET": "for-development-only",
    "BASE_DOMAIN": "example.test",
    "KEY_VAULTS": "kv-todo-feature",
    "WORKLOAD_IDENTITIES": "rg-coppice/id-feature-1,rg-coppice/id-feature-2",
    "CREDENTIAL_SETTLE_SECONDS": "3",
    "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000001",
    "AZURE_TENANT_ID": "00000000-0000-0000-0000-00000000000a",
    "AZURE_RESOURCE_MANAGER_URL": "http://127.0.0.1:7081",
    "AKS_RESOURCE_GROUP": "rg-coppice",
    "AKS_CLUSTER_NAME": "aks-coppice",
    "KUBECONFIG": "build/emulators/kubeconfig",
}
"""The values in the sample that replace a default, so that the sample leads to the emulators only."""

_WORKER = {"FUNCTIONS_WORKER_RUNTIME": "python", "PYTHON_THREADPOOL_THREAD_COUNT": "16"}
"""The settings of the Functions worker, which are not settings of the program."""

_WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class _Block:
    """A generated part of a section on the page.

    Attributes:
        title: the title of the section.
        place: a pattern that matches the part in the current page.
        text: returns the part as it should be.
    """

    title: str
    place: str
    text: Callable[[], str]


def page(text: str) -> str:
    """Return the reference page with its generated parts: tables of settings, lists of settings and of kinds.

    Args:
        text: the current page.

    Returns:
        The updated page.

    Raises:
        ValueError: a section has no place for its generated part; the message names the section.
    """
    for block in _blocks():
        text = _with(text, block)
    return text


def sample() -> str:
    """Return the sample of local.settings.json: every setting, with its default if it has one."""
    host = {**_WORKER, **dict.fromkeys(FUNCTIONS_SETTINGS, ""), **_values(HostSettings)}
    groups = [host, *(_values(section) for section in SECTIONS if section is not HostSettings)]
    values = ",\n\n".join(
        ",\n".join(f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in group.items())
        for group in groups
    )
    return f'{{\n  "IsEncrypted": false,\n  "Values": {{\n{values}\n  }}\n}}\n'


def main() -> None:
    """Write the reference page and the sample."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    SAMPLE.write_text(sample(), encoding="utf-8")


def _with(text: str, block: _Block) -> str:
    before, heading, rest = text.partition(f"\n## {block.title}\n")
    section, following, after = rest.partition("\n## ")
    place = re.search(block.place, section)
    if place is None:
        raise ValueError(f"the page has no place for what is generated below '## {block.title}'")
    written = section[: place.start()] + block.text() + section[place.end() :]
    return f"{before}{heading}{written}{following}{after}"


def _blocks() -> Iterator[_Block]:
    for section in SECTIONS:
        yield _Block(title=section.title, place=r"\| setting \|.*\n(\|.*\n)+", text=partial(_table, section))
    yield _Block(title="What a change of settings does", place=r"(?m)^`[A-Z_]+`,.*\n(.+\n)*", text=_rendering)
    yield _Block(title="Allowed kinds", place=r"```\n([^`]+\n)```\n", text=_kinds)


def _table(section: type[Section]) -> str:
    rows = ["| setting | meaning | default | example |", "|---|---|---|---|", *_rows(section)]
    return "\n".join(rows) + "\n"


def _rows(section: type[Section]) -> Iterator[str]:
    further = FUNCTIONS_SETTINGS if section is HostSettings else {}
    for name, setting in further.items():
        yield _row(name, setting, setting.shown_default)
    for field, info in section.model_fields.items():
        text = "required" if info.is_required() else _code(as_text(info.default)) or "empty"
        yield _row(field.upper(), DECLARED[field], DECLARED[field].shown_default or text)


def _row(name: str, setting: Setting, default: str) -> str:
    example = setting.shown_example or _code(setting.example)
    return f"| `{name}` | {setting.meaning} | {default} | {example} |"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _rendering() -> str:
    names = [
        _code(name.upper()) + (f" ({DECLARED[name].counts})" if DECLARED[name].counts else "")
        for name in sorted(RENDERING, key=str.upper)
    ]
    return textwrap.fill(", ".join(names), _WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def _kinds() -> str:
    return "\n".join(["```", *DEFAULT_KINDS.split(","), "```"]) + "\n"


def _values(section: type[Section]) -> dict[str, str]:
    """Return each setting's value in the sample; a default that is too long to repeat is left empty."""
    defaults = {
        field.upper(): "" if info.is_required() or DECLARED[field].shown_default else as_text(info.default)
        for field, info in section.model_fields.items()
    }
    return {name: EMULATED.get(name, default) for name, default in defaults.items()}


if __name__ == "__main__":
    main()
