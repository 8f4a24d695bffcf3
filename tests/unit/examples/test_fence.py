"""The example runs in the fence that is shipped, as it is and with its containers saying nothing."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from provisioning.fence import FenceConfig, fence
from provisioning.fence_files import load
from provisioning.quota import required_counts
from tests.unit.examples.built import Object, Overlays, of, template, workloads
from tests.unit.examples.test_todo_app import most_pods, quantity

FILES = {file.name: file.read_text() for file in (Path(__file__).parents[3] / "fence").glob("*.yaml")}
CONFIG = FenceConfig(templates=load(FILES), delivered=("branch-database",))


def requested(overlay: list[Object], silent: Object | None) -> dict[str, Decimal]:
    """What its pods ask for at their most; by a LimitRange's defaults, if their containers are silent."""
    total: defaultdict[str, Decimal] = defaultdict(Decimal)
    for workload in workloads(overlay):
        for container in template(workload)["spec"]["containers"]:
            resources = container["resources"]
            if silent:
                resources = {"requests": silent["defaultRequest"], "limits": silent["default"]}
            for side, amounts in resources.items():
                for name, amount in amounts.items():
                    total[f"{side}.{name}"] += most_pods(workload, overlay) * quantity(amount)
    return total


@pytest.fixture
def overlay(overlays: Overlays) -> list[Object]:
    return [*overlays["feature"], *overlays["azure-feature"]]


@pytest.fixture
def built(overlay: list[Object]) -> list[Object]:
    return [dict(each) for each in fence(CONFIG, "feature-new-login", overlay)]


@pytest.mark.parametrize("silent", [False, True])
def test_its_pods_fit_into_both_quotas(overlay: list[Object], built: list[Object], silent: bool) -> None:
    (limits,) = of(built, "LimitRange")[0]["spec"]["limits"]
    needed = requested(overlay, limits if silent else None)
    quotas = of([*overlay, *built], "ResourceQuota")
    assert len(quotas) == 3
    assert needed.keys() == {"requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}
    for quota in quotas:
        hard = quota["spec"]["hard"]
        assert {key: most for key, most in needed.items() if key in hard and most > quantity(hard[key])} == {}


def test_its_containers_ask_for_no_less_than_the_least(overlay: list[Object], built: list[Object]) -> None:
    (limits,) = of(built, "LimitRange")[0]["spec"]["limits"]
    for workload in workloads(overlay):
        for container in template(workload)["spec"]["containers"]:
            for name, least in limits["min"].items():
                assert quantity(container["resources"]["requests"][name]) >= quantity(least)


def test_the_counts_of_its_own_quota_have_room_for_what_comes_with_the_fence(
    overlay: list[Object], built: list[Object]
) -> None:
    (own,) = of(overlay, "ResourceQuota")
    counted = required_counts((*overlay, *built), delivered=CONFIG.delivered)
    assert {key for key, most in own["spec"]["hard"].items() if counted.get(key, 0) > quantity(most)} == set()


def test_it_needs_no_more_room_than_the_files_give(built: list[Object]) -> None:
    shipped = of([dict(each) for each in CONFIG.templates], "ResourceQuota")
    assert [each["spec"] for each in of(built, "ResourceQuota")] == [each["spec"] for each in shipped]
