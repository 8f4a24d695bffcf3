"""The worst megabyte that each parser can be given takes no more than a second, and 64 MB."""

from collections.abc import Callable
from typing import Any

import pytest

from coppice.components.monitoring import marks, pattern
from coppice.manifests.documents import count, load_all
from coppice.manifests.placeholders import Placeholders, substitute
from provisioning.admission import check_objects, check_sources, re2
from tests.unit.provisioning.admission.conftest import POLICY
from tests.unit.provisioning.admission.worst import holds

pytestmark = pytest.mark.exhaustive

M = 1_000_000
YAML = {
    "keys": "".join(f"k{number}: 1\n" for number in range(90_000)),
    "numbers": "[" + "1," * 190_000 + "]",
    "fractions": "- 1.0\n" * (M // 6),
    "maps": "- {}\n" * 190_000,
    "anchors": "".join(f"- &a{number} x\n" for number in range(80_000)),
    "aliases": "- &a x\n" + "- *a\n" * 190_000,
    "documents": "--- 1\n" * (M // 6),
    "depth": "[" * M,
    "braces": "{" * M,
    "keys of keys": "? " * (M // 2),
    "digits": "9" * M,
    "hexadecimal": "0x" + "f" * M,
    "blanks": " " * M,
    "tabs": "\t" * M,
    "lines": "\n" * M,
    "comment": "#" * M,
    "escapes": '"' + "\\n" * (M // 2) + '"',
    "folded": "a\n\n" * (M // 3),
    "long word": f"s: &s {'x' * 500_000}\na: [{'*s,' * 100_000}]",
}
SOURCES = {
    "itself": "resources:\n" + "- .\n" * 49_000,
    "one file": "resources:\n" + "- big.yaml\n" * 49_000,
    "nothing": "resources:\n" + "- nothing.yaml\n" * 49_000,
    "unknown": YAML["keys"],
    "long path": "resources: ['" + "a/../" * (M // 5) + "']",
    "path of dots": "resources: ['" + "." * M + "']",
}
SETTINGS = {
    "blanks": "podannotationnamespaceregex = x" + " " * M + "y",
    "only blanks": " " * M,
    "blank lines": " \n" * (M // 2),
    "quotes": 'podannotationnamespaceregex = "' + "'" * M,
    "mentions": "podannotationnamespaceregex\n" * (M // 28),
    "marks": "# coppice: namespace {" + "}" * M,
    "marks and blanks": ("# coppice: namespace {}" + " " * 200 + "x\n") * (M // 224),
}


@pytest.mark.parametrize("read", [count, load_all])
@pytest.mark.parametrize("name", YAML)
def test_yaml(name: str, read: Callable[[str], object]) -> None:
    holds(lambda: read(YAML[name]))


@pytest.mark.parametrize("name", SOURCES)
def test_kustomizations(name: str) -> None:
    tree = {"o/kustomization.yaml": SOURCES[name].encode(), "o/big.yaml": YAML["numbers"].encode()}
    holds(lambda: check_sources({**tree, **{f"d/{number}": b"" for number in range(1_900)}}, ["o"]))


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("read", [pattern.split, pattern.patterns, marks.marked])
def test_settings_of_monitoring(name: str, read: Callable[[str], object]) -> None:
    holds(lambda: read(SETTINGS[name]))


@pytest.mark.parametrize(
    "text", ["BRANCH_NAME" * (M // 11), "BRANCH_NAM" * (M // 10), "BRANCH_NAME\n" * (M // 12)]
)
def test_placeholders(text: str) -> None:
    values = Placeholders(slug="x", database="x", commit="0" * 40)
    holds(lambda: substitute({"o/a": text.encode()}, ["o"], values))


@pytest.mark.parametrize(
    "text",
    [
        "(" * M,
        "[" * 999,
        "a{1,9}" * 166,
        "(?:a|b)*" * 49,
        "\\" * 1_000,
        "[a-z" * 249,
        "(" + "x" * 991 + "){1000}",
    ],
)
def test_patterns_of_rules(text: str) -> None:
    holds(lambda: re2.refusal(text))


def _policy(**egress: Any) -> dict[str, Any]:
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "x"}}
    return {**kind, "spec": {"egress": [egress]}}


OBJECTS = {
    "unknown": [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "x"},
            "spec": {f"k{n}": n for n in range(90_000)},
        }
    ],
    "annotations": [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "x", "annotations": {f"a/{n}": "" for n in range(60_000)}},
        }
    ],
    "peers": [_policy(to=[{"ipBlock": {"cidr": f"10.{n // 250}.{n % 250}.0/24"}} for n in range(20_000)])],
    "exceptions": [_policy(to=[{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"] * 50_000}}])],
    "long name": [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a" * M, "namespace": "b" * M}}
    ],
    "long version": [{"apiVersion": "a" * M, "kind": "Service", "metadata": {"name": "x"}}],
    "long schedule": [
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "x"},
            "spec": {"schedule": "1," * M},
        }
    ],
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects(name: str) -> None:
    holds(lambda: check_objects(OBJECTS[name], POLICY))
