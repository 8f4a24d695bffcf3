import json
from datetime import date, timedelta
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # the only use of it
import pytest
import yaml
from ruamel.yaml import YAML

from scheduler.loading import ScheduleError, load
from scheduler.schedule import Flag, Sync, json_schema

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "examples/todo-app/schedule.yaml").read_text()
SCHEMA = ROOT / "scheduler/schedule.schema.json"

DEV = """\
environments:
  dev:
    awake: ["Mon-Fri 06:00-20:00"]
    namespaces: [ameide-dev]
    pools: [dev]
    state: [{file: globals.yaml, path: environment.state}]
    sync: [{argocd: argocd/ameide-dev}]
"""


def test_the_example_is_loaded() -> None:
    schedule = load(EXAMPLE)
    dev, staging = schedule.named["dev"], schedule.named["staging"]
    assert schedule.holidays == ("FI", date(2026, 12, 24))
    assert dev.lead_time == timedelta(minutes=30)
    assert [flag.off for flag in dev.state] == ["off", "on"]
    assert str(dev.state[1].path) == "metadata.annotations['cnpg.io/hibernation']"
    assert (staging.state[0].on, staging.state[0].off) == (1, 0)
    assert str(dev.sync[0]) == "Application/argocd/(environment=dev)"
    assert str(staging.sync[0]) == "Kustomization/flux-system/apps"
    assert schedule.hours("features").awake[0].text == "Mon-Fri 06:00-22:00"
    assert "features" not in schedule.named


def test_optional_keys_have_their_defaults() -> None:
    schedule = load(DEV)
    flag = schedule.named["dev"].state[0]
    assert (schedule.timezone, schedule.holidays, schedule.protected_pools) == ("UTC", (), ())
    assert (flag.repository, flag.branch, flag.on, flag.off) == ("", "", "on", "off")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "Mon-Fri",
            "Mon-Fry",
            "line 3: environments.dev.awake[0] is 'Mon-Fry 06:00-20:00': expected days and hours such as",
        ),
        ("20:00", "06:00", "line 3: environments.dev.awake[0] is 'Mon-Fri 06:00-06:00': expected an end"),
        (
            "[ameide-dev]",
            "[Ameide]",
            "line 4: environments.dev.namespaces[0] is 'Ameide': expected lower-case",
        ),
        ("[ameide-dev]", "[]", "line 4: environments.dev.namespaces is empty: expected at least one"),
        (
            "    pools: [dev]\n",
            "    pool: dev\n",
            "line 5: environments.dev.pool is not known here: expected one of",
        ),
        (", path: environment.state", "", "line 6: environments.dev.state[0].path is missing"),
        (
            "environment.state",
            "a..b",
            "line 6: environments.dev.state[0].path is 'a..b': expected a path such as",
        ),
        (
            "state}",
            "state, on: off}",
            "line 6: environments.dev.state[0]: expected an on and an off that differ",
        ),
        ("argocd/ameide-dev", "ameide-dev", "line 7: environments.dev.sync[0]: expected namespace/name"),
        (
            "argocd: argocd/ameide-dev",
            "flux: HelmRelease/a/b",
            "sync[0]: expected Kustomization/namespace/name",
        ),
        ("argocd: argocd/ameide-dev", "selector: a=b", "sync[0]: expected one of argocd and flux"),
        (
            "environments:",
            "timezone: Mars\nenvironments:",
            "line 1: timezone is 'Mars': expected an IANA zone",
        ),
        ("environments:", "holidays: [XX]\nenvironments:", "line 1: holidays[0] is 'XX': expected a country"),
        (
            "environments:",
            "holidays: [DE-]\nenvironments:",
            "line 1: holidays[0] is 'DE-': expected a country",
        ),
        (
            "environments:",
            "protected_pools: [dev]\nenvironments:",
            "line 6: environments.dev.pools[0] is 'dev'",
        ),
        ("  dev:\n", "  Dev:\n", "line 2: environment 'Dev': expected lower-case letters"),
        (
            "  dev:",
            "  features: {awake: [], pools: [x]}\n  dev:",
            "line 2: environments.features.pools is not known",
        ),
        ("    awake:", "    awake: []\n    awake:", "line 4: found duplicate key"),
        ("[dev]", "[dev", "line 6: "),
        (DEV, "", "line 1: "),
        (DEV, "- a", "line 1: the file is ['a']: expected a mapping"),
    ],
)
def test_a_mistake_is_reported_with_its_line_its_value_and_what_was_expected(
    before: str, after: str, expected: str
) -> None:
    with pytest.raises(ScheduleError) as error:
        load(DEV.replace(before, after, 1))
    assert expected in str(error.value)


@pytest.mark.parametrize("lead", ["30", "30s", "1d", "''", "13h", "-1h"])
def test_a_lead_time_is_a_duration_of_twelve_hours_at_most(lead: str) -> None:
    with pytest.raises(ScheduleError, match=r"line 4: environments\.dev\.lead_time is .*: expected"):
        load(DEV.replace("    namespaces", f"    lead_time: {lead}\n    namespaces"))


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ScheduleError) as error:
        load("timezone: X\nholidays: [XX]\nenvironments: {dev: {}}\n")
    assert len(str(error.value).splitlines()) == 6


def test_a_pool_or_a_namespace_belongs_to_one_environment() -> None:
    text = DEV + DEV.removeprefix("environments:\n").replace("dev:", "staging:", 1)
    with pytest.raises(ScheduleError) as error:
        load(text)
    assert "line 11: environments.staging.pools[0] is 'dev': expected a pool of its own" in str(error.value)
    assert "line 10: environments.staging.namespaces[0] is 'ameide-dev'" in str(error.value)


@pytest.mark.parametrize(
    ("of_dev", "of_staging", "refused"),
    [
        ('awake: ["Mon-Fri 06:00-20:00"]', 'awake: ["Mon-Fri 06:00-20:00"]', False),
        ('awake: ["Mon-Fri 06:00-20:00"]', 'awake: ["Mon-Fri 06:00-22:00"]', True),
        ('awake: ["Mon 06:00-20:00"]', 'awake: ["Mon 06:00-20:00"], lead_time: 30m', True),
    ],
)
def test_environments_that_share_a_flag_have_the_same_hours(
    of_dev: str, of_staging: str, refused: bool
) -> None:
    """Otherwise they would set it against each other, at every tick."""
    rest = "state: [{file: f.yaml, path: on}], sync: [{argocd: argocd/a}]"
    text = (
        "environments:\n"
        f"  dev: {{{of_dev}, namespaces: [dev], {rest}}}\n"
        f"  staging: {{{of_staging}, namespaces: [staging], {rest}}}\n"
    )
    if not refused:
        assert load(text).named.keys() == {"dev", "staging"}
        return
    with pytest.raises(ScheduleError, match=r"on in f\.yaml: dev has it too, and other hours"):
        load(text)


@pytest.mark.parametrize("repository", ["acme/gitops", "Acme/GitOps"])
def test_an_omitted_repository_is_the_default_one(repository: str) -> None:
    rest = "sync: [{argocd: argocd/a}]"
    text = (
        "environments:\n"
        f'  dev: {{awake: ["Mon 06:00-20:00"], namespaces: [a], state: [{{file: f, path: on}}], {rest}}}\n'
        f"  staging: {{awake: [], namespaces: [b],"
        f" state: [{{repository: {repository}, file: f, path: on}}], {rest}}}\n"
    )
    assert load(text, repository="acme/another").named.keys() == {"dev", "staging"}
    with pytest.raises(ScheduleError, match="dev has it too, and other hours"):
        load(text, repository="acme/gitops")


def test_yaml_1_1_booleans_are_text() -> None:
    schedule = load("holidays: [NO]\n" + DEV.replace("state}", "state, on: yes, off: no}"))
    assert schedule.holidays == ("NO",)
    assert (schedule.named["dev"].state[0].on, schedule.named["dev"].state[0].off) == ("yes", "no")


def test_the_published_schema_is_up_to_date() -> None:
    """To update it, write `json.dumps(json_schema(), indent=2)` into the file."""
    assert json.loads(SCHEMA.read_text()) == json_schema()


def test_the_schema_accepts_and_refuses_what_the_program_does() -> None:
    check = jsonschema.Draft202012Validator(json_schema())
    example = json.loads(json.dumps(YAML(typ="safe", pure=True).load(EXAMPLE), default=str))
    assert [error.message for error in check.iter_errors(example)] == []
    assert [error.message for error in check.iter_errors(yaml.safe_load(DEV))] == []
    for broken in ("Mon-Fry 06:00-20:00", "Mon 24:00-06:00", "Mon06:00-07:00"):
        assert list(check.iter_errors(yaml.safe_load(DEV.replace("Mon-Fri 06:00-20:00", broken))))
    assert list(check.iter_errors(yaml.safe_load(DEV.replace("argocd:", "selector:"))))


def test_a_selector_replaces_the_name() -> None:
    sync = Sync(flux="Kustomization/flux-system", selector="app=todo")
    assert (sync.kind, sync.namespace, sync.name) == ("Kustomization", "flux-system", "")
    named = Sync(argocd="argocd/ameide-dev")
    assert (named.kind, named.namespace, named.name) == ("Application", "argocd", "ameide-dev")


def test_a_flag_is_shown_as_its_path_and_file() -> None:
    assert str(Flag.model_validate({"file": "a.yaml", "path": "b.c"})) == "b.c in a.yaml"


@pytest.mark.parametrize(
    ("on", "off", "value", "expected"),
    [
        ("on", "off", "on", "on"),
        ("on", "off", "off", "off"),
        ("on", "off", "ON", "neither"),
        ("on", "off", False, "neither"),
        (1, 0, 0, "off"),
        (1, 0, 1, "on"),
        (1, 0, "0", "neither"),
        (1, 0, False, "neither"),
        (1, 0, True, "neither"),
        (1, 0, None, "neither"),
        (True, False, False, "off"),
        (True, False, 0, "neither"),
        ("x", None, None, "off"),
    ],
)
def test_a_value_means_on_or_off_or_neither(
    on: object, off: object, value: str | None, expected: str
) -> None:
    flag = Flag.model_validate({"file": "a.yaml", "path": "b", "on": on, "off": off})
    assert flag.says(value) == expected
