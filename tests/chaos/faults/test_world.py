"""The world returns to a moment, so that each experiment begins where the others began."""

from devtools.emulators.arm.resources import Credential
from tests.chaos.faults.laboratory import Laboratory
from tests.chaos.faults.state import existing_objects, others
from tests.chaos.faults.world import QUEUES


def test_returning_to_a_moment_undoes_what_happened_since(lab: Laboratory) -> None:
    world = lab.world
    saved, before = world.save(), (existing_objects(world), others(world))

    world.clock.advance(60)
    world.push("x", world.first)
    lab.queue_key("x")
    world.created("/api/v1/namespaces", {"metadata": {"name": "new"}})
    world.proxy.ask("kubernetes", "DELETE", "/api/v1/namespaces/payments")
    credential = Credential(name="new", issuer="i", subject="s", audiences=())
    world.arm.credentials["rg-coppice/id-jobs"]["new"] = credential
    assert existing_objects(world) != before[0]

    world.restore(saved)

    assert (existing_objects(world), others(world)) == before
    assert world.save() == saved


def test_what_waits_for_time_to_pass_waits_after_a_return_too(lab: Laboratory) -> None:
    world, before = lab.world, lab.world.save()
    world.created("/api/v1/namespaces", {"metadata": {"name": "going"}})
    world.proxy.ask("kubernetes", "DELETE", "/api/v1/namespaces/going")
    saved = world.save()

    def status() -> int:
        return world.proxy.ask("kubernetes", "GET", "/api/v1/namespaces/going").status

    for _ in range(2):
        assert status() == 200
        world.clock.advance(10)
        assert (status(), status()) == (404, 404)
        world.restore(saved)
    world.restore(before)


def test_the_clock_goes_only_when_it_is_moved(lab: Laboratory) -> None:
    rows = lab.world.clock.now()
    assert lab.world.clock.now() == rows
    lab.world.clock.advance(1.5)
    assert (lab.world.clock.now() - rows).total_seconds() == 1.5
    lab.world.clock.advance(-1.5)


def test_a_message_that_fails_is_tried_five_times_and_parked(lab: Laboratory) -> None:
    before = lab.world.save()
    lab.world.queues.put(QUEUES[0], "bm8gSlNPTg==")  # no JSON

    runs = lab.drain()
    lab.end_process()

    assert len(runs) == 5
    assert all("ValueError" in run.raised and run.mistake for run in runs)
    parked = lab.world.queues.snapshot()[QUEUES[1]].values()
    assert [each.text for each in parked] == ["bm8gSlNPTg=="]
    lab.world.restore(before)
