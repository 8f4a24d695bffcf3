import pytest

from scheduler.nodes import Budget, Node, Pod, Requirement, Taint, Toleration

LABELS = {"os": "linux", "size": "8"}


@pytest.mark.parametrize(
    ("requirement", "met"),
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
def test_requirements_are_met_as_the_clusters_scheduler_has_it(requirement: Requirement, met: bool) -> None:
    assert requirement.matches(LABELS) is met


TAINT = Taint("pool", "dev", "NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "covered"),
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
def test_a_toleration_covers_the_taints_it_names(toleration: Toleration, covered: bool) -> None:
    assert toleration.tolerates(TAINT) is covered
    pod = Pod(namespace="a", name="b", node="", tolerations=(toleration,))
    assert pod.fits(Node(name="n", pool="p", ready=True, taints=(TAINT,))) is covered


def test_a_pod_runs_where_one_of_its_terms_is_met_wholly() -> None:
    linux, big = Requirement("os", "In", ("linux",)), Requirement("size", "Gt", ("10",))
    node = Node(name="n", pool="p", ready=True, labels=LABELS)
    assert Pod(namespace="a", name="b", node="").fits(node)
    assert Pod(namespace="a", name="b", node="", node_terms=((big,), (linux,))).fits(node)
    assert not Pod(namespace="a", name="b", node="", node_terms=((linux, big),)).fits(node)


@pytest.mark.parametrize(
    ("namespace", "allowed", "holds"), [("a", 0, True), ("a", 1, False), ("b", 0, False)]
)
def test_a_budget_holds_its_own_pods_while_it_allows_none_to_go(
    namespace: str, allowed: int, holds: bool
) -> None:
    selector = (Requirement("app", "In", ("todo",)),)
    budget = Budget(namespace="a", name="pdb", selector=selector, disruptions_allowed=allowed)
    assert (
        budget.blocks_eviction_of(Pod(namespace=namespace, name="x", node="n", labels={"app": "todo"}))
        is holds
    )
    assert not budget.blocks_eviction_of(
        Pod(namespace=namespace, name="x", node="n", labels={"app": "other"})
    )
