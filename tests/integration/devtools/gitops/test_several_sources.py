"""An Application of several sources, one repository twice among them, as the scheduler's sync check sees it.

What the real one reports: https://github.com/argoproj/argo-cd/blob/v3.2.11/controller/state.go.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.client import Configuration

from adapters.github.connections import Connections
from adapters.github.flags import FlagAdapter
from adapters.kubernetes.client import Api
from adapters.kubernetes.gitops.adapter import GitOpsAdapter
from coppice.reconciler.plan import Blocked, Item, Wait
from devtools.cluster.connection import merge
from devtools.emulators.github.app import github_app
from devtools.emulators.github.git import git
from devtools.emulators.gitops.argocd import REFRESH
from devtools.emulators.serving import serving
from scheduler.barriers import wait_until_in_force
from scheduler.loading import load
from scheduler.observe import Observed, observe
from tests.integration.devtools.gitops.conftest import APPLICATIONS, GLOBALS, World
from tests.unit.scheduler.world import World as Memory

DEV = f"{APPLICATIONS}/ameide-dev"
URL = "https://github.com/acme/gitops.git"
SCHEDULE = """\
environments:
  dev:
    awake: []
    namespaces: [ameide-dev]
    state: [{file: sources/values/dev/globals.yaml, path: environment.state}]
    sync: [{argocd: argocd/ameide-dev}]
"""
PINNED = {"repoURL": URL, "targetRevision": "v1", "path": "flux-cd/namespaces"}
ENVIRONMENT = {"repoURL": URL, "targetRevision": "main", "path": "sources/environments/dev"}
VALUES = {"repoURL": URL, "ref": "values"}


class Check:
    """What the scheduler sees of the flag and of the Application."""

    def __init__(self, world: World, github: str) -> None:
        memory = Memory().reconciler().readers
        self._readers = replace(
            memory,
            repositories=FlagAdapter(Connections(url=github, token="t")),
            gitops=GitOpsAdapter(Api(Configuration(host=world.url)), lambda: datetime.now(UTC)),
        )

    def look(self) -> Observed:
        return observe("dev", load(SCHEDULE).named, repository="acme/gitops", readers=self._readers)

    def waits(self) -> tuple[Item, ...]:
        return wait_until_in_force(self.look(), "off", committing=False, refresh=False)


@pytest.fixture
def check(world: World) -> Iterator[Check]:
    with serving(github_app(world.repository)) as github:
        yield Check(world, github)


def deploy(world: World, *sources: dict[str, Any], **more: Any) -> None:
    """Make the Application one of these sources, and let it settle."""
    git(world.repository.path, "tag", "--force", "v1", "main")
    merge(world.api, DEV, {"spec": {"sources": list(sources), "source": None, **more}}).raise_for_status()
    refresh(world)


def refresh(world: World) -> None:
    world.annotate(DEV, REFRESH, "normal")
    world.reconcile()


def status(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.get(DEV)["status"]
    return found


def head(world: World) -> str:
    return str(world.repository.head("main"))


def test_it_reports_a_commit_of_each_in_their_order(world: World) -> None:
    deploy(world, PINNED, ENVIRONMENT, VALUES)
    told, first = status(world), head(world)
    assert told["sync"]["revisions"] == [first, first, first]
    assert "revision" not in told["sync"]
    assert told["sync"]["comparedTo"]["sources"] == [PINNED, ENVIRONMENT, VALUES]
    assert (told["sync"]["status"], told["health"]["status"]) == ("Synced", "Healthy")

    second = world.commit(GLOBALS, "environment.state", "off")
    refresh(world)
    told = status(world)
    assert told["sync"]["revisions"] == [first, second, second]
    result = told["operationState"]["syncResult"]
    assert (result["revisions"], result["revision"]) == ([first, second, second], "")
    assert world.pods("ameide-dev") == []


@pytest.mark.parametrize("sources", [(PINNED, ENVIRONMENT, VALUES), (ENVIRONMENT, PINNED)])
def test_the_flag_is_in_force_when_the_source_that_follows_its_branch_is_synced(
    world: World, check: Check, sources: tuple[dict[str, Any], ...]
) -> None:
    deploy(world, *sources)
    (waiting,) = check.waits()
    assert isinstance(waiting, Wait)
    assert "where environment.state in sources/values/dev/globals.yaml is 'on'" in waiting.why

    world.simulator.change({"sync_seconds": 3600})
    commit = world.commit(GLOBALS, "environment.state", "off")
    refresh(world)
    assert commit in status(world)["sync"]["revisions"]
    (waiting,) = check.waits()
    assert isinstance(waiting, Wait)
    assert "a sync is running" in waiting.why

    world.simulator.change({"sync_seconds": 0})
    world.reconcile()
    assert check.waits() == ()


def test_a_failed_sync_is_told_of_several_sources_too(world: World, check: Check) -> None:
    deploy(world, PINNED, ENVIRONMENT)
    world.simulator.change({"failing": ["ameide-*"]})
    world.commit(GLOBALS, "environment.state", "off")
    refresh(world)
    (waiting,) = check.waits()
    assert isinstance(waiting, Wait)
    assert "asked to fail" in waiting.why


def test_sources_that_are_all_pinned_follow_no_flag(world: World, check: Check) -> None:
    deploy(world, {**ENVIRONMENT, "targetRevision": "v1"}, PINNED)
    world.commit(GLOBALS, "environment.state", "off")
    refresh(world)
    (waiting,) = check.waits()
    assert isinstance(waiting, Wait | Blocked)
    assert status(world)["sync"]["status"] == "Synced"


def test_while_one_source_cannot_be_read_none_has_a_commit(world: World, check: Check) -> None:
    deploy(world, PINNED, ENVIRONMENT)
    deploy(world, {**PINNED, "targetRevision": "v9"}, ENVIRONMENT)
    told = status(world)
    assert (told["sync"]["status"], told["sync"]["revisions"]) == ("Unknown", ["v9", "main"])
    assert "unable to resolve 'v9'" in told["conditions"][0]["message"]
    (waiting,) = check.waits()
    assert isinstance(waiting, Wait)


def test_sources_that_change_places_are_told_apart_until_they_are_compared_anew(
    world: World, check: Check
) -> None:
    deploy(world, PINNED, ENVIRONMENT)
    world.commit(GLOBALS, "environment.state", "off")
    refresh(world)
    assert check.waits() == ()
    merge(world.api, DEV, {"spec": {"sources": [ENVIRONMENT, PINNED]}}).raise_for_status()
    assert check.waits() == ()


def test_what_several_sources_say_the_last_one_says(world: World) -> None:
    deploy(world, ENVIRONMENT, {**ENVIRONMENT, "path": "./sources/environments/dev"})
    (warning, *_) = status(world)["conditions"]
    assert warning["type"] == "RepeatedResourceWarning"
    assert "appeared 2 times among application resources" in warning["message"]
    assert status(world)["sync"]["status"] == "Synced"


def test_the_single_source_does_not_count_beside_several(world: World) -> None:
    deploy(world, PINNED, ENVIRONMENT, source={**ENVIRONMENT, "targetRevision": "nowhere"})
    assert status(world)["sync"]["status"] == "Synced"


def test_a_chart_is_not_played(world: World) -> None:
    deploy(world, {"repoURL": URL, "chart": "stable", "targetRevision": "main"}, ENVIRONMENT)
    assert status(world)["sync"]["status"] == "Unknown"
    assert "charts are not served here" in status(world)["conditions"][0]["message"]
