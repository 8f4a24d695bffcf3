"""`deploy/cluster/install` installs, upgrades, and touches nothing that stands in the two ConfigMaps."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from coppice.components.monitoring import jobs, pattern
from coppice.components.monitoring.shared import JOBS_KEY
from coppice.environment.references import SharedName
from devtools.cluster.control_plane import say
from devtools.cluster.programs import find_programs

pytestmark = pytest.mark.cluster

FOLDER = Path(__file__).parents[2] / "deploy" / "cluster"
CONFIG_MAPS = "/api/v1/namespaces/kube-system/configmaps"
THEIRS = 'tabs\tand "quotes" \\ <&> é $HOME `id`\n# podannotationnamespaceregex = "a comment"\n'
V2 = 'default-targets-scrape-enabled: |-\n  kubelet = true\npod-annotation-based-scraping: |-\n  other = ""\n'
WITHOUT = "minimal-ingestion-profile: |-\n  enabled = true"


@pytest.fixture(autouse=True)
def _without_the_two(api: httpx.Client) -> Iterator[None]:
    """Neither exists of itself, and neither is left behind."""
    for name in SharedName:
        api.delete(f"{CONFIG_MAPS}/{name}")
    yield
    for name in SharedName:
        api.delete(f"{CONFIG_MAPS}/{name}")


@pytest.fixture
def install(
    kubeconfig: Path, enforced: None, tmp_path: Path
) -> Callable[[], "subprocess.CompletedProcess[str]"]:
    """Return what runs the script, as an administrator does."""
    kubectl = find_programs(report=say).kubectl

    def run() -> "subprocess.CompletedProcess[str]":
        command = [str(FOLDER / "install"), "--kubeconfig", str(kubeconfig)]
        # kubectl keeps a cache at home, and without one where it stands.
        environment = {"PATH": f"{kubectl.parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def put(api: httpx.Client, name: str, data: dict[str, str]) -> None:
    body = {"metadata": {"name": name}, "data": data}
    api.post(CONFIG_MAPS, json=body).raise_for_status()


def read(api: httpx.Client, name: str) -> dict[str, str]:
    found: dict[str, str] = api.get(f"{CONFIG_MAPS}/{name}").raise_for_status().json()["data"]
    return found


def test_what_is_missing_is_made_and_is_what_branches_are_merged_into(
    api: httpx.Client, install: Callable[[], "subprocess.CompletedProcess[str]"]
) -> None:
    done = install()

    assert done.returncode == 0, done.stderr
    assert jobs.split(read(api, SharedName.JOBS)[JOBS_KEY]) == ("", ())
    settings = read(api, SharedName.SETTINGS)
    assert pattern.split(settings[pattern.key_of(settings)])[1] == ()


def test_what_stands_there_is_not_touched_however_often_it_runs(
    api: httpx.Client, install: Callable[[], "subprocess.CompletedProcess[str]"]
) -> None:
    put(api, SharedName.JOBS, {JOBS_KEY: THEIRS})
    put(
        api, SharedName.SETTINGS, {"pod-annotation-based-scraping": 'podannotationnamespaceregex = "project"'}
    )
    before = [api.get(f"{CONFIG_MAPS}/{name}").json() for name in SharedName]

    assert [install().returncode, install().returncode] == [0, 0]

    assert [api.get(f"{CONFIG_MAPS}/{name}").json() for name in SharedName] == before


@pytest.mark.parametrize(
    ("data", "entry", "wanted"),
    [
        ({"schema-version": "v1"}, "pod-annotation-based-scraping", 'podannotationnamespaceregex = ""'),
        (
            {"pod-annotation-based-scraping": THEIRS},
            "pod-annotation-based-scraping",
            f'{THEIRS}\npodannotationnamespaceregex = ""',
        ),
        (
            {"schema-version": "v2", "cluster-metrics": V2},
            "cluster-metrics",
            V2.replace("  other", '  podannotationnamespaceregex = ""\n  other'),
        ),
        (
            {"schema-version": "v2", "cluster-metrics": WITHOUT},
            "cluster-metrics",
            f'{WITHOUT}\npod-annotation-based-scraping: |-\n  podannotationnamespaceregex = ""',
        ),
        (
            {"schema-version": "v2"},
            "cluster-metrics",
            'pod-annotation-based-scraping: |-\n  podannotationnamespaceregex = ""',
        ),
    ],
    ids=[
        "v1 without the entry",
        "v1 without the line",
        "v2 without the line",
        "v2 without the section",
        "v2",
    ],
)
def test_a_line_that_the_settings_lack_is_added_and_all_else_stays(
    api: httpx.Client,
    install: Callable[[], "subprocess.CompletedProcess[str]"],
    data: dict[str, str],
    entry: str,
    wanted: str,
) -> None:
    put(api, SharedName.SETTINGS, data)

    done = install()

    assert done.returncode == 0, done.stderr
    assert read(api, SharedName.SETTINGS) == {**data, entry: wanted}
    assert pattern.split(wanted) == (wanted, ())


def test_settings_of_a_version_that_is_not_known_stay_and_are_told(
    api: httpx.Client, install: Callable[[], "subprocess.CompletedProcess[str]"]
) -> None:
    put(api, SharedName.SETTINGS, {"schema-version": "v9"})

    done = install()

    assert done.returncode == 1
    assert "schema-version v9" in done.stderr
    assert read(api, SharedName.SETTINGS) == {"schema-version": "v9"}
