"""What the fence's own limits make of containers: none is refused for what it did not say."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from coppice.manifests.quantity import quantity
from provisioning.fence_files import load
from provisioning.limits import refusals, with_limits

SHIPPED = load({"limits.yaml": (Path(__file__).parents[3] / "fence" / "limits.yaml").read_text()})


def web(**resources: Any) -> dict[str, Any]:
    containers = [{"name": "web", "image": "web", "resources": resources}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


def limits(**resources: Any) -> Any:
    (found,) = with_limits([web(**resources)], SHIPPED)
    return found["spec"]["template"]["spec"]["containers"][0]["resources"].get("limits")


@pytest.mark.parametrize(
    ("requests", "stated", "expected"),
    [
        ({"cpu": "250m"}, None, {"cpu": "250m"}),
        ({"cpu": "250m", "memory": "1Gi"}, {"memory": "2Gi"}, {"memory": "2Gi", "cpu": "250m"}),
        ({"cpu": "200m", "memory": "64Mi"}, None, None),
        ({"cpu": 1}, None, {"cpu": 1}),
        ({"cpu": "250m"}, {"cpu": "300m"}, {"cpu": "300m"}),
    ],
)
def test_a_request_above_the_default_limit_becomes_the_limit_where_none_is_stated(
    requests: Any, stated: Any, expected: Any
) -> None:
    assert limits(requests=requests, **({"limits": stated} if stated else {})) == expected


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ({"requests": {"cpu": "1m"}}, "the fence lets none have less cpu than 5m"),
        ({"limits": {"memory": "1Mi"}}, "the fence lets none have less memory than 16Mi"),
        (
            {"requests": {"cpu": "2"}, "limits": {"cpu": "500m"}},
            "asks for cpu 2, more than its limit of 500m",
        ),
        ({"requests": {"cpu": "much"}}, "its cpu is no quantity"),
        ({"requests": "much"}, "must be a map"),
    ],
)
def test_what_the_fence_never_lets_run_is_refused_before_the_first_write(
    resources: dict[str, Any], reason: str
) -> None:
    assert reason in "; ".join(map(str, refusals([web(**resources)], SHIPPED)))


def test_a_resource_that_is_named_and_left_empty_says_nothing() -> None:
    assert refusals([web(requests={"cpu": None}, limits={"memory": None})], SHIPPED) == ()


def test_without_a_fence_nothing_is_changed_or_refused() -> None:
    asking = web(requests={"cpu": "1m", "memory": "9Gi"})
    assert with_limits([asking], ()) == (asking,)
    assert refusals([asking], ()) == ()


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("250m", Fraction(1, 4)),
        ("1Gi", Fraction(2**30)),
        ("1.5k", Fraction(1500)),
        ("12e3", Fraction(12000)),
        (2, Fraction(2)),
        (0.5, Fraction(1, 2)),
        ("1e999999999", None),
        ("1 Gi", None),
        ("", None),
        (True, None),
    ],
)
def test_quantities_are_read_as_kubernetes_reads_them(text: object, amount: Fraction | None) -> None:
    assert quantity(text) == amount


def test_a_limit_range_that_holds_no_quantities_is_no_fence() -> None:
    broken = (Path(__file__).parents[3] / "fence" / "limits.yaml").read_text().replace("200m", "some")
    with pytest.raises(ValueError, match=r"default\.cpu must be a quantity"):
        load({"limits.yaml": broken})
