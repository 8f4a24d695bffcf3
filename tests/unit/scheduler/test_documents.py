import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scheduler.documents import DocumentError, Path, get, put

GLOBALS = """\
# what every chart reads
environment:
    name:   dev   # two spaces more than anybody needs
    state:  on    # "on" or "off"

long: {a: [1,2], 'b': "a line that is longer than eighty characters, which a dump would have wrapped"}
"""


def at(path: str) -> Path:
    return Path.parse(path)


def test_only_the_value_changes_and_a_word_that_yaml_1_1_misreads_is_quoted() -> None:
    assert put(GLOBALS, at("environment.state"), "off") == GLOBALS.replace("state:  on ", 'state:  "off" ')


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("a: 'on'", "off", "a: 'off'"),
        ('a: "on"', "it's", 'a: "it\'s"'),
        ("a: 'on'", "it's", "a: 'it''s'"),
        ("a: running", "asleep", "a: asleep"),
        ("a: running", "NO", 'a: "NO"'),
        ("a: running", "12:30", 'a: "12:30"'),
        ("a: 3 # three", 0, "a: 0 # three"),
        ('a: "3"', 0, "a: 0"),
        ("a: 3", "0", 'a: "0"'),
        ("a: true", False, "a: false"),
        ("{a: on, b: c}", "off", '{a: "off", b: c}'),
        ("a: on\r\nb: c\r\n", "off", 'a: "off"\r\nb: c\r\n'),
        ("\ufeffa: on\n", "off", '\ufeffa: "off"\n'),
        ("--- # first\nb: 1\n---\na: on\n...\n", "off", '--- # first\nb: 1\n---\na: "off"\n...\n'),
        ("a: on", "\u2028\x85", 'a: "\\U00002028\\U00000085"'),
    ],
)
def test_a_value_keeps_its_quoting_style_where_that_is_safe(
    before: str, value: str | int | bool, after: str
) -> None:
    assert put(before, at("a"), value) == after
    assert get(after, at("a")) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("NO", "NO"),
        ("y", "y"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("2026-01-01", "2026-01-01"),
        ("012", 12),
        ("0o14", 12),
        ("0x1F", 31),
        ("-1", -1),
        ("1.5e3", 1500.0),
        ("-.inf", float("-inf")),
        ("True", True),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("!!str 1", "1"),
    ],
)
def test_values_are_read_as_yaml_1_2(text: str, value: object) -> None:
    found = get(f"a: {text}\n", at("a"))
    assert found == value
    assert type(found) is type(value)


def test_a_document_with_a_yaml_1_1_directive_is_read_as_1_2() -> None:
    assert get("%YAML 1.1\n---\na: on\n", at("a")) == "on"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.annotations['cnpg.io/hibernation']", "off"),
        ('metadata.annotations["cnpg.io/hibernation"]', "off"),
        ("['dotted.key'].x", 1),
        ("containers[1].replicas", 3),
        ("containers[0]", "first"),
    ],
)
def test_paths_with_quoted_keys_and_indexes(path: str, value: object) -> None:
    text = (
        "metadata: {annotations: {cnpg.io/hibernation: off}}\n"
        "dotted.key: {x: 1}\n"
        "containers: [first, {replicas: 3}]\n"
    )
    assert get(text, at(path)) == value
    assert at(str(at(path))) == at(path)


@pytest.mark.parametrize(
    "path", ["", ".", "a.", ".a", "a..b", "a[", "a[-1]", "a[x]", "a['b]", "a b", "a['']", "a['b']c"]
)
def test_an_invalid_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="expected a path"):
        at(path)


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [
        ("a: {b: 1}", "a.c", "a has no keys 'c'"),
        ("a: {b: 1}", "a", "a is a mapping: expected a single value"),
        ("a: &e {b: 1}\nc: {<<: *e}", "c.b", "c can have it by a merge key (<<) alone: write it out"),
        ("a: 1", "a.b", "a is the value '1', and 'b' needs a mapping"),
        ("a: [1]", "a[1]", "a has 1 items"),
        ("a: {b: 1}", "a[0]", "a is a mapping, and [0] needs a list"),
        ("a: 1\na: 2", "a", "has 2 keys 'a'"),
        ("a: 1\n---\na: 2", "a", "stands in 2 of its documents"),
        ("x: &s on\na: *s", "a", "by an alias"),
        ("x: &s {b: on}\na: *s", "a.b", "by an alias"),
        ("", "a", "it is empty"),
        ("a: [1\nb: 2", "a", "it is not YAML, line 2"),
        ("a: \x01", "a", "it is not YAML"),
    ],
)
def test_a_missing_path_is_an_error_and_nothing_is_created(text: str, path: str, why: str) -> None:
    with pytest.raises(DocumentError) as reading:
        get(text, at(path))
    assert why in str(reading.value)
    with pytest.raises(DocumentError):
        put(text, at(path), "off")


@pytest.mark.parametrize("text", ["a: &shared on", "a: !!str on", "a: |\n  on\n", "a:", "a: # nothing yet"])
def test_a_value_that_is_not_plain_or_quoted_on_one_line_is_not_overwritten(text: str) -> None:
    with pytest.raises(DocumentError, match="expected a plain or quoted value on one line"):
        put(text, at("a"), "off")


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(
        ["on", "off", "No", "y", "null", "~", "1e3", "0x10", "12:30", "2026-01-01", "=", "<<", "a: b", "x #"]
    ),
)
keys = st.text("abcdefgh./-", min_size=1, max_size=6)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def leaves(tree: object, steps: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], object]:
    if isinstance(tree, dict):
        return {at: leaf for key, inner in tree.items() for at, leaf in leaves(inner, (*steps, key)).items()}
    if isinstance(tree, list):
        return {at: leaf for i, inner in enumerate(tree) for at, leaf in leaves(inner, (*steps, i)).items()}
    return {steps: tree}


@given(
    tree=st.dictionaries(keys, trees, min_size=1, max_size=4),
    value=scalars,
    flow=st.sampled_from([None, True, False]),
    style=st.sampled_from([None, "'", '"']),
    data=st.data(),
)
def test_setting_one_value_of_any_document_keeps_all_others(
    tree: dict[str, object],
    value: str | int | None,
    flow: bool | None,
    style: str | None,
    data: st.DataObject,
) -> None:
    text = yaml.safe_dump(
        tree, allow_unicode=True, default_flow_style=flow, default_style=style, width=10_000
    )
    values = leaves(yaml.safe_load(text))
    if not values:
        return
    steps = data.draw(st.sampled_from(sorted(values, key=repr)))
    try:
        changed = put(text, Path(steps), value)
    except DocumentError:
        assert style is not None  # PyYAML writes tags beside quoted values
        return
    assert get(changed, Path(steps)) == value
    # A reader of YAML 1.1 finds the same value, and every other one as it was.
    assert leaves(yaml.safe_load(changed)) == {**values, steps: value}
