from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.provisioning.network import Peer, lets_through

CALLER = Peer(address="10.244.1.8", namespace="there", labels={"app": "api"})
ANY_POD: Mapping[str, Any] = {"podSelector": {}}


def policy(**spec: Any) -> list[dict[str, Any]]:
    return [{"kind": "NetworkPolicy", "metadata": {"namespace": "here"}, "spec": {"podSelector": {}, **spec}}]


@pytest.mark.parametrize(
    ("policies", "direction", "allowed"),
    [
        ([], "Ingress", True),
        (policy(policyTypes=["Egress"]), "Ingress", True),
        (policy(policyTypes=["Ingress"]), "Ingress", False),
        (policy(), "Ingress", False),
        (policy(), "Egress", True),
        (policy(egress=[{"to": [ANY_POD]}]), "Egress", False),
        (policy(podSelector={"matchLabels": {"app": "db"}}), "Ingress", True),
        (policy(ingress=[{}]), "Ingress", True),
        (policy(ingress=[{"from": []}]), "Ingress", True),
        (policy(ingress=[{"from": [ANY_POD]}]), "Ingress", False),
        (policy(ingress=[{"from": [{"namespaceSelector": {}}]}]), "Ingress", True),
        (
            policy(
                ingress=[{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "x"}}}]}]
            ),
            "Ingress",
            False,
        ),
        (
            policy(
                ingress=[
                    {"from": [{"namespaceSelector": {}}, {"podSelector": {"matchLabels": {"app": "x"}}}]}
                ]
            ),
            "Ingress",
            True,
        ),
        (policy(ingress=[{"from": [{"ipBlock": {"cidr": "10.244.0.0/16"}}]}]), "Ingress", True),
        (
            policy(ingress=[{"from": [{"ipBlock": {"cidr": "10.244.0.0/16", "except": ["10.244.1.0/24"]}}]}]),
            "Ingress",
            False,
        ),
        (policy(ingress=[{"ports": [{"port": 80}]}]), "Ingress", True),
        (policy(ingress=[{"ports": [{"port": 81}]}]), "Ingress", False),
        (policy(ingress=[{"ports": [{"port": 70, "endPort": 90}]}]), "Ingress", True),
        (policy(ingress=[{"ports": [{"port": 80, "protocol": "UDP"}]}]), "Ingress", False),
        (policy(ingress=[{"ports": [{"port": 81}]}]) + policy(ingress=[{}]), "Ingress", True),
    ],
)
def test_the_evaluator_knows_what_policies_mean(
    policies: list[dict[str, Any]], direction: str, allowed: bool
) -> None:
    found = lets_through(policies, direction, CALLER, namespace="here", labels={"app": "web"}, port=80)
    assert found is allowed
