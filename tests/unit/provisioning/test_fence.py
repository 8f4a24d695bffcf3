from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioning.fence import FenceConfig, egress, fence
from provisioning.fence_files import load

FILES = {file.name: file.read_text() for file in (Path(__file__).parents[3] / "fence").glob("*.yaml")}
TERMS = FenceConfig(templates=load(FILES))

Object = dict[str, Any]


def policy(**spec: Any) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "coppice-x"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], **spec},
    }


def to(*cidrs: str, **rule: Any) -> Object:
    return {"to": [{"ipBlock": {"cidr": cidr}} for cidr in cidrs], **rule}


def rendered(spec: Object, **networks: tuple[str, ...]) -> Any:
    (found,) = fence(FenceConfig(templates=(policy(**spec),), **networks), "feature-login", ())
    return found["spec"]


def files(*objects: Any) -> dict[str, str]:
    return {"mine.yaml": yaml.safe_dump_all(objects)}


def test_every_object_stands_in_the_environments_namespace_and_says_whose_it_is() -> None:
    metadata = [each["metadata"] for each in fence(TERMS, "feature-login", ())]
    assert {each["namespace"] for each in metadata} == {"feature-login"}
    assert {each["labels"]["app.kubernetes.io/managed-by"] for each in metadata} == {"coppice"}
    assert {each["name"] for each in metadata} == {
        "coppice-quota",
        "coppice-priorities",
        "coppice-limits",
        "coppice-deny-all",
        "coppice-ingress",
        "coppice-egress",
        "coppice-egress-ipv6",
    }


def test_rendering_one_environment_changes_nothing_for_the_next() -> None:
    before = yaml.safe_dump(list(TERMS.templates))
    assert fence(TERMS, "feature-a", ()) != fence(TERMS, "feature-b", ())
    assert yaml.safe_dump(list(TERMS.templates)) == before


def test_a_labelled_object_keeps_its_labels() -> None:
    labelled = {**policy(), "metadata": {"name": "coppice-x", "labels": {"team": "web"}}}
    (found,) = fence(FenceConfig(templates=(labelled,)), "feature-login", ())
    assert found["metadata"]["labels"] == {"team": "web", "app.kubernetes.io/managed-by": "coppice"}


def test_a_settings_name_becomes_a_peer_for_each_of_its_networks() -> None:
    spec = {"egress": [to("PRIVATE_CIDRS", "192.0.2.7/32", ports=[{"port": 443}])]}
    found = rendered(spec, private=("10.1.0.0/16", "fd00::/64", "10.1.0.0/16"))
    assert found["egress"] == [to("10.1.0.0/16", "fd00::/64", "192.0.2.7/32", ports=[{"port": 443}])]


def test_each_settings_name_stands_for_its_own_networks() -> None:
    spec = {
        "ingress": [{"from": to("GATEWAY_CIDRS")["to"]}],
        "egress": [to("DATABASE_CIDRS"), to("PRIVATE_CIDRS")],
    }
    found = rendered(spec, gateway=("10.1.0.0/16",), database=("10.2.0.0/16",), private=("10.3.0.0/16",))
    assert found["ingress"] == [{"from": to("10.1.0.0/16")["to"]}]
    assert found["egress"] == [to("10.2.0.0/16"), to("10.3.0.0/16")]


def test_a_rule_that_is_left_without_peers_goes_and_takes_no_other_along() -> None:
    spec = {
        "egress": [to("PRIVATE_CIDRS"), to("PRIVATE_CIDRS", "192.0.2.7/32"), to("DATABASE_CIDRS"), to()],
    }
    found = rendered(spec)
    assert found["egress"] == [to("192.0.2.7/32")]
    assert found["policyTypes"] == ["Ingress", "Egress"]


def test_a_rule_that_was_written_without_peers_stays_as_it_was_written() -> None:
    assert rendered({"egress": [{"ports": [{"port": 123, "protocol": "UDP"}]}, {}]})["egress"] == [
        {"ports": [{"port": 123, "protocol": "UDP"}]},
        {},
    ]


def test_where_the_fence_leads_is_known_to_the_guard() -> None:
    only = FenceConfig(
        templates=(policy(egress=[to("PRIVATE_CIDRS"), to("192.0.2.7/32")]),), private=("10.1.0.0/16",)
    )
    assert egress(only) == (to("10.1.0.0/16"), to("192.0.2.7/32"))
    assert egress(FenceConfig(templates=(policy(),))) == ()


@pytest.mark.parametrize(
    "templates",
    [
        (),
        (policy(policyTypes=["Ingress"]),),
        (policy(podSelector={"matchLabels": {"app": "web"}}, egress=[{}]),),
    ],
)
def test_a_fence_that_holds_no_pod_back_is_none(templates: tuple[Object, ...]) -> None:
    assert egress(FenceConfig(templates=templates)) is None


def test_the_files_that_are_shipped_are_in_order() -> None:
    assert [each["metadata"]["name"] for each in load(FILES)][:2] == ["coppice-limits", "coppice-deny-all"]


def test_there_may_be_no_fence_at_all() -> None:
    assert load({}) == ()
    assert load({"quota.yaml": "# nothing\n"}) == ()
    assert fence(FenceConfig(templates=()), "feature-login", ()) == ()


QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "coppice-quota"},
    "spec": {"hard": {"pods": "12"}},
}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"kind": "Role", "apiVersion": "rbac.authorization.k8s.io/v1"},
            "a fence is made of ResourceQuota, ",
        ),
        ({"kind": None}, "a fence is made of"),
        ({"apiVersion": "v2"}, "its apiVersion must be v1"),
        ({"metadata": {"name": "quota"}}, "its name must begin with coppice-"),
        ({"metadata": {"name": "coppice-quota", "namespace": "x"}}, "metadata.namespace"),
        ({"metadata": {"name": "coppice-quota", "finalizers": ["a/b"]}}, "metadata.finalizers"),
        ({"metadata": ["coppice-quota"]}, "metadata must be a map"),
        ({"spec": {"hard": {"pods": "many"}}}, "pods must be a whole number, not 'many'"),
        ({"spec": {"hard": {"count/jobs.batch": "1k"}}}, "count/jobs.batch must be a whole number"),
        ({"spec": {"hard": ["pods"]}}, "hard must be a map"),
    ],
)
def test_a_document_that_no_fence_may_hold_is_refused_with_its_file(changed: Object, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^mine\.yaml: .*") as refused:
        load(files({**QUOTA, **changed}))
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"egress": [to("PRIVATE_CIDR")]}, "egress rule 1: 'PRIVATE_CIDR' is neither a network"),
        ({"egress": [to("10.0.0.1/8")]}, "'10.0.0.1/8' is neither a network"),
        ({"egress": [{}, {"to": [{"ipBlock": {}}]}]}, "egress rule 2: '' is neither a network"),
        (
            {"egress": [{"to": [{"ipBlock": {"cidr": "PRIVATE_CIDRS", "except": ["10.0.0.0/8"]}}]}]},
            "no 'except'",
        ),
        (
            {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["PRIVATE_CIDRS"]}}]}]},
            "except: ",
        ),
        ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}]}]}, "except: "),
        ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}]}]}, "except: "),
        ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["fd00::/64"]}}]}]}, "except: "),
        ({"egress": [{"to": []}]}, "'to' is empty, which means all"),
        ({"ingress": [{"from": None}]}, "'from' is empty, which means all"),
        ({"ingress": [{"ports": []}]}, "'ports' is empty, which means all"),
        ({"ingress": [{"from": [{}]}]}, "a peer is empty"),
        ({"ingress": [{"form": [{"podSelector": {}}]}]}, "ingress rule 1: 'form' is none of its fields"),
        ({"ingress": [{"to": [{"podSelector": {}}]}]}, "'to' is none of its fields"),
        ({"policyTypes": None}, "policyTypes is missing"),
        ({"policyTypes": ["Ingress"], "egress": [{}]}, "policyTypes does not say Egress"),
        ({"ingress": {}}, "ingress must be a list"),
    ],
)
def test_a_mistake_in_a_policy_is_refused(spec: Object, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^mine\.yaml: NetworkPolicy coppice-x: ") as refused:
        load(files(policy(**spec)))
    assert reason in str(refused.value)


def test_a_policy_says_which_pods_it_is_about() -> None:
    spec = {"policyTypes": ["Ingress"]}
    with pytest.raises(ValueError, match=r"spec\.podSelector is missing"):
        load(files({**policy(), "spec": spec}))


def test_everything_that_is_wrong_is_said_at_once() -> None:
    broken = {"a.yaml": "a: [", "b.yaml": "- x", **files({**QUOTA, "kind": "Pod"}, policy(policyTypes=[]))}
    with pytest.raises(ValueError, match=r"a\.yaml") as refused:
        load(broken)
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == [
        "a.yaml",
        "b.yaml",
        "mine.yaml",
        "mine.yaml",
    ]


def test_the_same_object_in_two_files_is_refused() -> None:
    text = yaml.safe_dump(QUOTA)
    with pytest.raises(ValueError, match="ResourceQuota coppice-quota is there more than once"):
        load({"a.yaml": text, "b.yaml": text})
