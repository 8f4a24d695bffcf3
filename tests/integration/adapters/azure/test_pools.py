"""Agent pools through `azure-mgmt-containerservice`, by the rules of the real service."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.azure.client import Unsigned
from adapters.azure.pools import PoolAdapter
from coppice.reconciler.errors import Conflict, Gone, Rejected, Unreachable
from devtools.emulators.emulator import Failure as Fail
from scheduler.pools import TAG, Allowed, Autoscaler, Pool, Shape, Snapshot
from tests.integration.adapters.raw import Answer, Asked, json_reply, raw_server
from tests.integration.adapters.worlds import SUBSCRIPTION, Azure

AWAKE = Shape(count=2, autoscaler=Autoscaler(1, 3))
REMEMBERED = replace(AWAKE, tag=str(Snapshot(2, Autoscaler(1, 3))))
OFF = replace(REMEMBERED, autoscaler=None)
DEV = Pool(name="dev", mode="User", shape=AWAKE, provisioning_state="Succeeded", etag="dev-1")


def adapter_at(url: str, name: str = "aks-coppice") -> PoolAdapter:
    return PoolAdapter(Unsigned(), SUBSCRIPTION, url, group="rg-coppice", name=name)


@pytest.fixture
def pools(azure: Azure) -> PoolAdapter:
    return adapter_at(azure.url)


def named(pools: PoolAdapter, name: str = "dev") -> Pool:
    return next(each for each in pools.pools() if each.name == name)


def put(pools: PoolAdapter, *shapes: Shape) -> None:
    for shape in shapes:
        pools.put(Allowed(named(pools)), shape)


def test_every_pool_is_read_with_its_size(pools: PoolAdapter, azure: Azure) -> None:
    azure.state.page_size = 3
    found = {each.name: (each.mode, each.shape, each.provisioning_state) for each in pools.pools()}
    assert found == {
        "system": ("System", Shape(1, None), "Succeeded"),
        "dev": ("User", AWAKE, "Succeeded"),
        "staging": ("User", Shape(1, Autoscaler(1, 2)), "Succeeded"),
        "prod": ("User", Shape(3, None), "Succeeded"),
    }


def test_a_pool_goes_down_and_comes_back_exactly_as_it_was(pools: PoolAdapter, azure: Azure) -> None:
    others = {name: dict(each) for name, each in azure.state.pools.items() if name != "dev"}
    azure.state.pools["dev"]["tags"] = {"team": "blue"}
    azure.state.pools["dev"]["nodeTaints"] = ["dev=true:NoSchedule"]
    before = dict(azure.state.pools["dev"])

    put(pools, REMEMBERED, OFF, replace(OFF, count=0))
    down = azure.state.pools["dev"]
    assert (down["count"], down["enableAutoScaling"], "minCount" in down) == (0, False, False)
    assert down["tags"] == {"team": "blue", TAG: "count=2,min=1,max=3"}
    assert named(pools).down

    put(pools, OFF, REMEMBERED, AWAKE)
    pools.pools()  # the last operation is over when it is looked at
    changing = {"eTag": None}
    assert {**azure.state.pools["dev"], **changing} == {**before, **changing}
    assert {name: azure.state.pools[name] for name in others} == others
    assert azure.state.cluster_writes == 0


@pytest.mark.parametrize("shape", [replace(AWAKE, count=0), Shape(0, None)])
def test_what_azure_does_not_take_in_one_go_is_rejected(pools: PoolAdapter, shape: Shape) -> None:
    with pytest.raises(Rejected, match="Cannot manually scale"):
        put(pools, shape)
    assert named(pools).shape == AWAKE


def test_a_pool_that_has_changed_since_it_was_read_is_left_alone(pools: PoolAdapter, azure: Azure) -> None:
    read = Allowed(named(pools))
    put(pools, REMEMBERED)
    with pytest.raises(Conflict):
        pools.put(read, OFF)
    assert azure.asked("PUT") == 1


def test_a_pool_that_changes_between_the_look_and_the_write_is_left_alone(azure: Azure) -> None:
    """Somebody is at work on the pool in the very moment; the ETag is what tells."""
    read = named(adapter_at(azure.url))
    document = {"name": "dev", "properties": {**azure.state.pools["dev"]}}

    def answer(asked: Asked) -> Answer:
        if asked.method == "GET":
            return json_reply(200, document)
        matches = asked.headers.get("if-match", "").strip('"') == read.etag
        error = {"error": {"code": "PreconditionFailed", "message": "the etag does not match"}}
        return json_reply(412 if matches else 200, error)

    with raw_server(answer) as server, pytest.raises(Conflict):
        adapter_at(server.url).put(Allowed(read), REMEMBERED)


@pytest.mark.parametrize("code", ["OperationNotAllowed", "AKSOperationPreempted"])
def test_an_operation_under_way_is_waited_for_and_not_run_into_at_once(
    pools: PoolAdapter, azure: Azure, code: str
) -> None:
    azure.emulator.fail(Fail(status=409, code=code, method="PUT"))
    with pytest.raises(Conflict) as raised:
        put(pools, REMEMBERED)
    assert raised.value.retry_after == 30


def test_a_change_is_only_begun_and_seen_as_under_way(pools: PoolAdapter, azure: Azure) -> None:
    azure.state.operation_seconds = 600
    put(pools, REMEMBERED)
    assert named(pools).busy
    assert not named(pools, "prod").busy
    with pytest.raises(Conflict, match="in progress"):
        pools.put(Allowed(named(pools, "staging")), REMEMBERED)
    assert all("operations" not in each.path for each in azure.emulator.requests)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"powerState": {"code": "Stopped"}}, {"stopped": True}),
        ({"powerState": {"code": "Running"}}, {"stopped": False}),
        ({"scaleDownMode": "Deallocate"}, {"deallocates": True}),
        ({"scaleDownMode": "Delete"}, {"deallocates": False}),
        ({"type": "VirtualMachines"}, {"uncounted": True}),
        ({"type": "VirtualMachineScaleSets"}, {"uncounted": False}),
    ],
)
def test_what_is_particular_about_a_pool_is_read(more: dict[str, object], expected: dict[str, bool]) -> None:
    properties = {"mode": "User", "count": 1, "provisioningState": "Succeeded", **more}
    page = {"value": [{"name": "dev", "properties": properties}]}
    with raw_server(lambda _: json_reply(200, page)) as server:
        (found,) = adapter_at(server.url).pools()
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_count_that_the_autoscaler_has_moved_since_is_a_conflict(pools: PoolAdapter, azure: Azure) -> None:
    read = named(pools)
    moved = replace(read, shape=replace(read.shape, count=read.shape.count + 1))
    with pytest.raises(Conflict, match="has 2 nodes by now"):
        pools.put(Allowed(moved), moved.shape)


@pytest.mark.parametrize("shape", [REMEMBERED, replace(REMEMBERED, autoscaler=None)])
def test_a_count_that_moves_between_look_and_write_is_a_conflict(
    pools: PoolAdapter, azure: Azure, shape: Shape
) -> None:
    """The autoscaler's doing, which changes no ETag: https://github.com/Azure/AKS/issues/1248."""
    read = Allowed(named(pools))
    azure.state.before_put = lambda: azure.state.pools["dev"].update(count=3)
    with pytest.raises(Conflict, match="Cannot manually scale"):
        pools.put(read, shape)
    assert named(pools).shape == replace(AWAKE, count=3)
    put(pools, replace(named(pools).shape, tag="count=3,min=1,max=3"))
    assert named(pools).shape.tag


@pytest.mark.parametrize("message", ["Cannot manually scale", "The value of parameter count is invalid"])
def test_no_other_refusal_is_taken_for_the_autoscalers_doing(azure: Azure, message: str) -> None:
    """A count that we did ask for is refused for good; so is what has nothing to do with counts."""
    read = named(adapter_at(azure.url))
    document = {"name": "dev", "properties": {**azure.state.pools["dev"]}}
    refusal = {"error": {"code": "InvalidParameter", "message": message}}

    def answer(asked: Asked) -> Answer:
        return json_reply(200, document) if asked.method == "GET" else json_reply(400, refusal)

    shape = replace(REMEMBERED, count=3) if message.startswith("Cannot") else REMEMBERED
    with raw_server(answer) as server, pytest.raises(Rejected):
        adapter_at(server.url).put(Allowed(read), shape)


def test_why_a_pool_failed_is_told_in_azures_words() -> None:
    status = {"provisioningError": {"code": "SkuNotAvailable", "message": "no Standard_D4s_v5 is left"}}
    properties = {"mode": "User", "count": 0, "provisioningState": "Failed", "status": status}
    page = {"value": [{"name": "dev", "properties": properties}]}
    with raw_server(lambda _: json_reply(200, page)) as server:
        (found,) = adapter_at(server.url).pools()
    assert found.error == "SkuNotAvailable: no Standard_D4s_v5 is left"
    assert not found.busy


@pytest.mark.parametrize(
    "look", [lambda pools: pools.pools(), lambda pools: pools.put(Allowed(DEV), REMEMBERED)]
)
def test_a_cluster_that_is_not_there_is_gone(azure: Azure, look: Callable[[PoolAdapter], object]) -> None:
    with pytest.raises(Gone):
        look(adapter_at(azure.url, name="another"))


def test_a_page_that_does_not_come_makes_the_whole_list_unknown(pools: PoolAdapter, azure: Azure) -> None:
    azure.state.page_size = 2
    azure.emulator.fail(Fail(status=503, method="GET", times=99))
    with pytest.raises(Unreachable):
        pools.pools()


def test_a_write_whose_answer_is_lost_is_not_sent_again(azure: Azure) -> None:
    document = {"name": "dev", "properties": {**azure.state.pools["dev"]}}

    def answer(asked: Asked) -> Answer:
        return json_reply(200, document) if asked.method == "GET" else json_reply(503, {})

    with raw_server(answer) as server:
        with pytest.raises(Unreachable):
            adapter_at(server.url).put(Allowed(named(adapter_at(azure.url))), REMEMBERED)
        assert [each.method for each in server.asked] == ["GET", "PUT"]
