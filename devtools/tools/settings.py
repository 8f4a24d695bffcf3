"""`python -m devtools.tools.settings`: write the settings reference and the sample from the declarations.

Of the reference that is what stands between the marks `begin` and `end`; the prose around them stays.
"""

import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from app.settings import DEFAULT_KINDS
from app.settings.declaration import Section, Setting, as_text
from app.settings.host import FUNCTIONS_SETTINGS, HostSettings
from app.settings.model import DECLARED, RENDERING, SECTIONS

_ROOT = Path(__file__).resolve().parents[2]
PAGE = _ROOT / "docs" / "settings.md"
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
"""What the sample says instead of a default, so that it leads to the emulators and to nothing else."""

_WORKER = {"FUNCTIONS_WORKER_RUNTIME": "python", "PYTHON_THREADPOOL_THREAD_COUNT": "16"}
"""What Functions' worker reads, which is no setting of the program's."""

_WIDTH = 100
_BLOCK = re.compile(r"(<!-- begin: (.+?) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def page(text: str) -> str:
    """Write what is generated on the reference page.

    Args:
        text: the page as it is.

    Returns:
        The page as it has to be.

    Raises:
        ValueError: a mark is missing, is there twice, or names nothing that can be written.
    """
    blocks = _blocks()
    marks = [mark for _, mark, _ in _BLOCK.findall(text)]
    if sorted(marks) != sorted(blocks):
        raise ValueError(f"the page has marks for {sorted(marks)}, and {sorted(blocks)} are to be written")
    return _BLOCK.sub(lambda found: f"{found[1]}{blocks[found[2]]()}{found[3]}", text)


def sample() -> str:
    """Write the sample of local.settings.json: every setting, with its default if it has one."""
    host = {**_WORKER, **dict.fromkeys(FUNCTIONS_SETTINGS, ""), **_values(HostSettings)}
    groups = [host, *(_values(section) for section in SECTIONS if section is not HostSettings)]
    values = ",\n\n".join(
        ",\n".join(f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in group.items())
        for group in groups
    )
    return f'{{\n  "IsEncrypted": false,\n  "Values": {{\n{values}\n  }}\n}}\n'


def main() -> None:
    """Write both files."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    SAMPLE.write_text(sample(), encoding="utf-8")


def _blocks() -> Mapping[str, Callable[[], str]]:
    tables = {section.title: partial(_table, section) for section in SECTIONS}
    return {**tables, "settings that decide about overlays": _rendering, "allowed kinds": _kinds}


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
    """Name → its value in the sample; instead of a default that is too long to repeat, it says nothing."""
    defaults = {
        field.upper(): "" if info.is_required() or DECLARED[field].shown_default else as_text(info.default)
        for field, info in section.model_fields.items()
    }
    return {name: EMULATED.get(name, default) for name, default in defaults.items()}


if __name__ == "__main__":
    main()
