"""What an overlay asks for, said outright: what it leaves to a default, or writes where nobody owns it, would
stay as it is once somebody else has set it or the overlay has given it up.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from coppice.components.application import Manifest


def outright(manifest: Manifest) -> Manifest:
    """An object as it is applied.

    Args:
        manifest: the object.

    Returns:
        The same, said outright.
    """
    match manifest["kind"]:
        case "CronJob":
            return _running(manifest)
        case "Secret":
            return _encoded(manifest)
        case _:
            return manifest


def _running(manifest: Manifest) -> Manifest:
    """A removal suspends CronJobs, and applying takes back what others have set only where it sets the very
    field.
    """
    spec = manifest.get("spec")
    return {**manifest, "spec": {"suspend": False, **spec}} if isinstance(spec, Mapping) else manifest


def _encoded(manifest: Manifest) -> Manifest:
    """The API server copies `stringData` into `data`, where nobody owns it: a key that leaves stays there
    (https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data).
    """
    plain: Any = manifest.get("stringData")
    if not isinstance(plain, Mapping) or not all(isinstance(text, str) for text in plain.values()):
        return manifest
    encoded = {key: b64encode(text.encode()).decode() for key, text in plain.items()}
    rest = {field: value for field, value in manifest.items() if field != "stringData"}
    return {**rest, "data": {**(manifest.get("data") or {}), **encoded}}
