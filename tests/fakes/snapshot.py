"""What stands, without what may differ between two ways to the same end: versions, uids and times."""

from typing import Any

from branches.namespace import APPLIED_AT, SINCE
from tests.fakes.world import World


def snapshot(world: World) -> dict[str, Any]:
    """Everything that stands in the world, and every lease that is still held."""
    return {
        "namespaces": {
            name: (
                dict(each.labels),
                {key: text for key, text in each.annotations.items() if key not in {APPLIED_AT, SINCE}},
                each.terminating_since,
            )
            for name, each in world.namespaces.items()
        },
        "objects": {at: (each.manifest, each.deleting) for at, each in world.objects.items()},
        "records": {
            name: (
                each.key,
                dict(each.identities),
                each.credentials,
                each.rendered,
                each.inventory,
                each.pruning,
                each.stall and (each.stall.commit, each.stall.why),
            )
            for name, each in world.records.items()
        },
        "requests": {each.key: (each.action, each.commit) for each in world.requests.values()},
        "credentials": set(world.every_credential()),
        "leases": {name for name, each in world.leases.items() if each.until > world.now},
    }
