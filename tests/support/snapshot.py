"""Snapshots of the world for comparison, without versions, UIDs and times."""

from base64 import b64decode
from typing import Any

from coppice.components.application import TEMPLATE, Manifest
from coppice.components.namespace import APPLIED_AT, SINCE
from tests.support.world import World


def snapshot(world: World) -> dict[str, Any]:
    """Return everything that exists in the world, and every lease that is held."""
    return {
        "namespaces": {
            name: (
                dict(each.labels),
                {key: text for key, text in each.annotations.items() if key not in {APPLIED_AT, SINCE}},
                each.terminating_since,
            )
            for name, each in world.namespaces.items()
        },
        "objects": {
            at: (_manifest(each.manifest, world), each.deleting) for at, each in world.objects.items()
        },
        "records": {
            name: (
                each.key,
                dict(each.identities),
                each.credentials,
                each.database,
                each.rendered,
                each.inventory,
                each.pruning,
                each.stall and (each.stall.commit, each.stall.why),
            )
            for name, each in world.records.items()
        },
        "requests": {each.key: (each.action, each.commit) for each in world.requests.values()},
        "databases": {
            name: (each.owner, each.oid is not None, each.role is not None, each.finished)
            for name, each in world.databases.items()
        },
        "shared": {name: dict(each.data) for name, each in world.shared.items()},
        "credentials": set(world.every_credential()),
        "leases": {name for name, each in world.leases.items() if each.until > world.now},
    }


def _manifest(manifest: Manifest, world: World) -> object:
    """Return a manifest. A login is replaced by whether it works, because each password differs."""
    if manifest["kind"] != "Secret" or "password" not in manifest.get("data", {}):
        return manifest
    login = {name: b64decode(value).decode() for name, value in manifest["data"].items()}
    database = world.databases.get(login["database"])
    return {
        "login of": login["database"],
        "signs in": world.passwords.get(login["user"]) == login["password"],
        "is confirmed": database is not None
        and manifest["metadata"]["annotations"][TEMPLATE].partition("@")[0] == database.login,
    }
