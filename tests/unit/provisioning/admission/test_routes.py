from typing import Any

import pytest

from tests.unit.provisioning.admission.conftest import Check

OWN = "feature-login.example.com"
GATEWAY = {"name": "agc-feature-gateway", "namespace": "agc-shared"}


def route(check: Check, kind: str = "HTTPRoute", **spec: Any) -> str:
    return check(
        "gateway.networking.k8s.io/v1",
        kind,
        spec={
            "hostnames": [OWN],
            "parentRefs": [GATEWAY],
            "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
            **spec,
        },
    )


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute"])
def test_a_route_for_the_own_hosts_at_a_known_gateway_passes(check: Check, kind: str) -> None:
    assert route(check, kind) == ""
    assert route(check, kind, hostnames=[OWN, "login.example.com"]) == ""
    assert (
        route(
            check,
            kind,
            parentRefs=[
                {**GATEWAY, "kind": "Gateway", "group": "gateway.networking.k8s.io", "sectionName": "https"}
            ],
        )
        == ""
    )


@pytest.mark.parametrize("hostnames", [[], None])
def test_a_route_without_hostnames_is_refused(check: Check, hostnames: object) -> None:
    assert "it names no host" in route(check, hostnames=hostnames)


def test_a_route_that_cannot_name_a_host_is_not_told_to_name_one(check: Check) -> None:
    reason = check("gateway.networking.k8s.io/v1alpha2", "TCPRoute", spec={"rules": []})
    assert "a route of this kind names no host and so would answer for every one; leave it out" in reason
    assert "its hosts are" not in reason


@pytest.mark.parametrize(
    "host",
    [
        "*.example.com",
        "example.com",
        "*",
        "",
        "feature-login.example.com.",
        "FEATURE-LOGIN.example.com",
        "x.feature-login.example.com",
    ],
)
def test_any_other_host_is_refused_even_beside_the_own(check: Check, host: str) -> None:
    assert f"the host {host!r} is not this environment's" in route(check, hostnames=[OWN, host])


@pytest.mark.parametrize(
    ("parent", "reason"),
    [
        ({"name": "agc-feature-gateway"}, "'feature-login/agc-feature-gateway' is not in GATEWAYS"),
        ({"name": "agc-gateway", "namespace": "agc-shared"}, "'agc-shared/agc-gateway' is not in GATEWAYS"),
        ({**GATEWAY, "kind": "Service", "group": ""}, "is no Gateway"),
        ({**GATEWAY, "group": "example.com"}, "is no Gateway"),
        ({}, "is not in GATEWAYS"),
    ],
)
def test_any_other_parent_is_refused(check: Check, parent: dict[str, object], reason: str) -> None:
    assert reason in route(check, parentRefs=[GATEWAY, parent])


@pytest.mark.parametrize(
    "rule",
    [
        {"backendRefs": [{"name": "db", "namespace": "production"}]},
        {
            "filters": [
                {
                    "type": "RequestMirror",
                    "requestMirror": {"backendRef": {"name": "db", "namespace": "production"}},
                }
            ]
        },
        {
            "backendRefs": [
                {
                    "name": "web",
                    "filters": [{"requestMirror": {"backendRef": {"name": "db", "namespace": "production"}}}],
                }
            ]
        },
    ],
)
def test_a_reference_into_another_namespace_is_refused(check: Check, rule: dict[str, object]) -> None:
    assert "it refers to 'db' in the namespace" in route(check, rules=[rule])


def test_policies_stay_in_the_namespace_too(check: Check) -> None:
    def policy(target: object) -> str:
        return check("alb.networking.azure.io/v1", "HealthCheckPolicy", spec={"targetRef": target})

    assert policy({"kind": "Service", "name": "web", "namespace": "feature-login"}) == ""
    assert "'production'" in policy({"kind": "Service", "name": "web", "namespace": "production"})


def test_an_ingress_names_its_hosts_like_a_route(check: Check) -> None:
    def ingress(**spec: object) -> str:
        return check("networking.k8s.io/v1", "Ingress", spec=spec)

    assert ingress(rules=[{"host": OWN}], tls=[{"hosts": [OWN]}]) == ""
    assert "names no host" in ingress()
    assert "the host ''" in ingress(rules=[{"http": {}}])
    assert "'*.example.com'" in ingress(rules=[{"host": OWN}], tls=[{"hosts": ["*.example.com"]}])
    assert "defaultBackend" in ingress(rules=[{"host": OWN}], defaultBackend={"service": {"name": "web"}})


@pytest.mark.parametrize(
    "spec", [{"hostnames": OWN}, {"hostnames": [7]}, {"parentRefs": GATEWAY}, {"parentRefs": ["x"]}]
)
def test_what_cannot_be_read_is_refused(check: Check, spec: dict[str, Any]) -> None:
    assert "must be a" in route(check, **spec)
