from collections.abc import Callable

import pytest

from tests.provisioning.guard.conftest import Check


@pytest.fixture(params=["PodMonitor", "ServiceMonitor"])
def monitor(request: pytest.FixtureRequest, check: Check) -> Callable[..., str]:
    return lambda **spec: check("azmonitoring.coreos.com/v1", request.param, spec=spec)


def test_a_monitor_of_the_own_namespace_passes(monitor: Callable[..., str]) -> None:
    assert monitor(selector={}, podMetricsEndpoints=[{"port": "metrics"}]) == ""
    assert monitor(namespaceSelector={"matchNames": ["feature-login"], "any": False}) == ""


def test_a_monitor_of_other_namespaces_is_refused(monitor: Callable[..., str]) -> None:
    assert "every namespace" in monitor(namespaceSelector={"any": True})
    assert "the namespace 'production'" in monitor(
        namespaceSelector={"matchNames": ["feature-login", "production"]}
    )


@pytest.mark.parametrize("field", ["endpoints", "podMetricsEndpoints"])
@pytest.mark.parametrize("endpoint", [{"bearerTokenFile": "/token"}, {"tlsConfig": {"keyFile": "/key"}}])
def test_a_monitor_that_hands_out_the_collectors_files_is_refused(
    monitor: Callable[..., str], field: str, endpoint: dict[str, object]
) -> None:
    assert "collector's own files" in monitor(**{field: [endpoint]})
