import pytest

from scheduler.nodes import Budget, Node, Pod, Requirement, Taint, Toleration

LABELS = {"os": "linux", "size": "8"}


@pytest.mark.parametrize(
    ("requirement", "matches"),
    [
        (Requirement("os", "In", ("linux", "windows")), True),
        (Requirement("os", "In", ("windows",)), False),
        (Requirement("gpu", "In", ("yes",)), False),
        (Requirement("os", "NotIn", ("windows",)), True),
        (Requirement("gpu", "NotIn", ("yes",)), True),
        (Requirement("os", "NotIn", ("linux",)), False),
        (Requirement("os", "Exists"), True),
        (Requirement("gpu", "Exists"), False),
        (Requirement("gpu", "DoesNotExist"), True),
        (Requirement("os", "DoesNotExist"), False),
        (Requirement("size", "Gt", ("4",)), True),
        (Requirement("size", "Gt", ("8",)), False),
        (Requirement("size", "Lt", ("9",)), True),
        (Requirement("os", "Lt", ("9",)), False),
        (Requirement("gpu", "Gt", ("1",)), False),
        (Requirement("os", "Near", ("linux",)), False),
    ],
)
def test_requirements_match_as_in_kube_scheduler(requirement: Requirement, matches: bool) -> None:
    assert requirement.matches(LABELS) is matches


TAINT = Taint("pool", "dev", "NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        (Toleration("pool", "Equal", "dev", "NoSchedule"), True),
        (Toleration("pool", "Equal", "dev"), True),
        (Toleration("pool", "Equal", "prod"), False),
        (Toleration("pool", "Exists"), True),
        (Toleration("", "Exists"), True),
        (Toleration("other", "Exists"), False),
        (Toleration("pool", "Exists", effect="NoExecute"), False),
    ],
)
def test_a_toleration_tolerates_matching_taints(toleration: Toleration, tolerated: bool) -> None:
    assert toleration.tolerates(TAINT) is tolerated
    pod = Pod(namespace="a", name="b", node="", tolerations=(toleration,))
    assert pod.fits(Node(name="n", pool="p", ready=True, taints=(TAINT,))) is tolerated


def test_a_pod_fits_a_node_that_meets_all_of_one_term() -> None:
    linux, big = Requirement("os", "In", ("linux",)), Requirement("size", "Gt", ("10",))
    node = Node(name="n", pool="p", ready=True, labels=LABELS)
    assert Pod(namespace="a", name="b", node="").fits(node)
    assert Pod(namespace="a", name="b", node="", node_terms=((big,), (linux,))).fits(node)
    assert not Pod(namespace="a", name="b", node="", node_terms=((linux, big),)).fits(node)


@pytest.mark.parametrize(
    ("namespace", "allowed", "blocks"), [("a", 0, True), ("a", 1, False), ("b", 0, False)]
)
def test_a_budget_blocks_eviction_of_its_pods_while_it_allows_no_disruption(
    namespace: str, allowed: int, blocks: bool
) -> None:
    selector = (Requirement("app", "In", ("todo",)),)
    budget = Budget(namespace="a", name="pdb", selector=selector, disruptions_allowed=allowed)
    assert (
        budget.blocks_eviction_of(Pod(namespace=namespace, name="x", node="n", labels={"app": "todo"}))
        is blocks
    )
    assert not budget.blocks_eviction_of(
        Pod(namespace=namespace, name="x", node="n", labels={"app": "other"})
    )
