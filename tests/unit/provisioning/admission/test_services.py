import pytest

from tests.unit.provisioning.admission.conftest import Check


@pytest.mark.parametrize("spec", [{}, {"type": "ClusterIP"}, {"clusterIP": "None"}, {"externalIPs": []}])
def test_a_service_within_the_cluster_passes(check: Check, spec: dict[str, object]) -> None:
    assert check("v1", "Service", spec=spec) == ""


@pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort", "ExternalName", "Other"])
def test_a_service_that_leads_in_or_out_is_refused(check: Check, kind: str) -> None:
    assert f"Service web: its type is '{kind}'" in check("v1", "Service", spec={"type": kind})


def test_external_addresses_are_refused_whatever_the_type(check: Check) -> None:
    assert "externalIPs" in check("v1", "Service", spec={"externalIPs": ["10.0.0.1"]})
    assert "externalName" in check("v1", "Service", spec={"externalName": "example.com"})
