import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_link_that_can_break_is_explained_and_no_other() -> None:
    section = (
        (ROOT / "docs" / "reference" / "status-and-codes.md")
        .read_text()
        .partition("## Identity chain codes\n")[2]
        .partition("\n## ")[0]
    )
    explained = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    files = [ROOT / "coppice/diagnostics" / name for name in ("identity_chain.py", "identity_checks.py")]
    codes = {code for file in files for code in re.findall(r'Finding\(\s*code="(\w+)"', file.read_text())}
    assert len(explained) == len(set(explained))
    assert set(explained) == codes
