"""The committed tables are those that the schemas make: what a new Kubernetes brings is seen here first."""

import pytest
import yaml

from devtools.tools.fields.schemas import of_custom
from devtools.tools.fields.sources import SOURCES
from devtools.tools.fields.tables import FOLDER, UNJUDGED, Table, decided, read, write

PUBLISHED = [
    pytest.param(name, marks=pytest.mark.cluster if name != "kubernetes.yaml" else ())  # these need Go
    for name in SOURCES
]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_table_holds_every_field_of_the_published_schemas_and_no_other(name: str) -> None:
    committed = (FOLDER / name).read_text()
    make, source = SOURCES[name]
    assert write(decided(make(), read(committed)), source) == committed, "run python -m devtools.tools.fields"


def test_every_field_is_judged_and_every_refusal_has_a_reason() -> None:
    for file in FOLDER.glob("*.yaml"):
        for name, refused in read(file.read_text()).refused.items():
            for field, reason in refused.items():
                assert len(reason) > 10, (name, field)
                assert reason != UNJUDGED, (name, field)


def test_a_new_field_is_refused_until_somebody_has_judged_it() -> None:
    before = Table({"v1 A": "A"}, {"A": {"old": "string"}}, {"A": {"bad": "is bad for a reason"}})
    fresh = Table({"v1 A": "A"}, {"A": {"old": "integer", "bad": "string", "new": "B"}, "B": {"x": "string"}})
    found = decided(fresh, before)
    assert yaml.safe_load(write(found, "A"))["definitions"] == {
        "A": {"allowed": {"old": "integer"}, "refused": {"bad": "is bad for a reason", "new": UNJUDGED}}
    }


def test_what_is_gone_from_the_schemas_goes_from_the_table() -> None:
    before = Table({"v1 A": "A"}, {"A": {"old": "string", "gone": "string"}}, {})
    fresh = Table({"v1 A": "A"}, {"A": {"old": "string"}})
    assert decided(fresh, before).definitions == {"A": {"old": "string"}}


def test_a_custom_resources_schema_becomes_definitions_by_their_paths() -> None:
    text, port = {"type": "string"}, {"x-kubernetes-int-or-string": True}
    rule = {"type": "object", "properties": {"port": port, "labels": {"type": "object"}}}
    spec = {
        "type": "object",
        "properties": {"rules": {"type": "array", "items": rule}, "tags": {"additionalProperties": text}},
    }
    spec["properties"]["tags"]["type"] = "object"  # type: ignore[index]
    schema = {"type": "object", "properties": {"metadata": {"type": "object"}, "spec": spec}}
    assert of_custom("A", schema, {"A.metadata": "ObjectMeta"}) == {
        "A": {"metadata": "ObjectMeta", "spec": "A.spec"},
        "A.spec": {"rules": "[]A.spec.rules", "tags": "map[string]string"},
        "A.spec.rules": {"labels": "any", "port": "integer or string"},
    }
