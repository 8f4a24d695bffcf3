import re
from collections.abc import Mapping

import pytest

from app.settings import DEFAULT_KINDS, RENDERING, Settings, load
from devtools.host.settings import read_values
from devtools.tools.settings import PAGE, SAMPLE, page, sample
from provisioning.admission.namespace import LABELS

REFERENCE = PAGE.read_text()
ADMISSION = (PAGE.parent / "admission.md").read_text()

# What Functions and the local host read, and the program does not.
OF_THE_HOST = {"AzureWebJobsStorage", "LOCAL_FUNCTION_KEY"}
# What the sample points to the emulators, and what the example repository asks for.
OF_THE_WORKER = {"FUNCTIONS_WORKER_RUNTIME", "PYTHON_THREADPOOL_THREAD_COUNT"}
OF_THE_SAMPLE = {"GITHUB_API_URL", "GITHUB_TOKEN", "AZURE_RESOURCE_MANAGER_URL", "KUBECONFIG", "KEY_VAULTS"}
OF_THE_SAMPLE |= {"CREDENTIAL_SETTLE_SECONDS"}


def rows() -> dict[str, tuple[str, str]]:
    """Setting → its default and its example, as the reference has them."""
    found = re.findall(r"^\| `(\w+)` \| .+ \| (.+) \| (.+) \|$", REFERENCE, flags=re.MULTILINE)
    names = [name for name, _, _ in found]
    assert len(names) == len(set(names)), "a setting has two rows"
    return {
        name: (default.strip("`"), example.strip("`")) for name, default, example in found if name.isupper()
    } | {name: (default, example) for name, default, example in found if name in OF_THE_HOST}


def section(title: str, page_text: str = REFERENCE) -> str:
    return page_text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def as_text(value: object) -> str:
    """A default as one would write it into an app setting."""
    if isinstance(value, Mapping):
        return ",".join(f"{key}={text}" for key, text in value.items()) or "empty"
    if isinstance(value, tuple):
        return ",".join(value) or "empty"
    return str(value) or "empty"


def defaults() -> dict[str, str]:
    """Setting → its default, as the program has it."""
    return {
        name.upper(): "required" if field.is_required() else as_text(field.default)
        for name, field in Settings.model_fields.items()
    }


def test_page_and_sample_are_those_that_the_declarations_make() -> None:
    made = "run `.venv/bin/python -m devtools.tools.settings`"
    assert page(PAGE.read_text()) == PAGE.read_text(), made
    assert sample() == SAMPLE.read_text(), made


def test_what_is_written_by_hand_stays_and_what_is_generated_is_made_anew() -> None:
    [row] = [line for line in REFERENCE.splitlines() if line.startswith("| `BASE_DOMAIN`")]
    spoilt = "A word.\n" + REFERENCE.replace(row, "| `BASE_DOMAIN` | another | none | none |")
    assert page(spoilt) == "A word.\n" + REFERENCE


@pytest.mark.parametrize("title", ["The fence", "What a change of settings does", "Allowed kinds"])
def test_a_page_without_a_place_for_what_is_generated_is_not_written(title: str) -> None:
    with pytest.raises(ValueError, match=title):
        page(REFERENCE.replace(f"## {title}\n", "## Another\n"))


def test_every_setting_has_a_row_and_every_row_is_a_setting() -> None:
    assert rows().keys() == defaults().keys() | OF_THE_HOST


def test_the_reference_has_the_defaults_of_the_program() -> None:
    told = {name: default for name, (default, _) in rows().items() if name not in OF_THE_HOST}
    true = {**defaults(), "ALLOWED_KINDS": "[these](#allowed-kinds)"}
    assert told == true


def test_the_reference_lists_the_kinds_that_are_allowed_by_default() -> None:
    listed = section("Allowed kinds").split("```")[1].split()
    assert listed == DEFAULT_KINDS.split(",")


def test_the_reference_says_which_settings_have_every_environment_applied_anew() -> None:
    paragraph = section("What a change of settings does").split("\n\n")[1]
    assert set(re.findall(r"`(\w+)`", paragraph)) == {name.upper() for name in RENDERING}


def test_the_reference_says_which_labels_of_a_namespace_count() -> None:
    paragraph = section("The Namespace in an overlay", ADMISSION)
    sentence = paragraph.partition("these count:")[2].partition("`NAMESPACE_LABELS`")[0]
    assert set(re.findall(r"`(.+?)`", sentence)) == LABELS


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_example_is_accepted(name: str) -> None:
    setting = name.upper()
    example = rows()[setting][1]
    extra = {"WORKLOAD_IDENTITIES": "rg/a,storage:rg/b"} if setting == "SERVICE_ACCOUNTS" else {}
    assert getattr(load({**read_values(SAMPLE), setting: example, **extra}), name)


def test_the_sample_holds_every_setting_and_nothing_else() -> None:
    assert read_values(SAMPLE).keys() == rows().keys() | OF_THE_WORKER


def test_the_sample_has_the_defaults_but_for_what_points_to_the_emulators() -> None:
    settings = load(read_values(SAMPLE))
    for name, field in Settings.model_fields.items():
        if not field.is_required() and name.upper() not in OF_THE_SAMPLE:
            assert getattr(settings, name) == field.default, name
