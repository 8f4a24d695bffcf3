"""Makes manifests state what they would otherwise leave to a default or to a field without an owner.

Server-side apply reverts only fields that a manifest sets, and removes only fields that this program owns.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from coppice.components.application import Manifest


def outright(manifest: Manifest) -> Manifest:
    """Return a manifest with its defaults set explicitly.

    Args:
        manifest: an object of an overlay.

    Returns:
        The manifest to apply.
    """
    match manifest["kind"]:
        case "CronJob":
            return _with_suspend(manifest)
        case "Secret":
            return _with_encoded_data(manifest)
        case _:
            return manifest


def _with_suspend(manifest: Manifest) -> Manifest:
    """Set `suspend: false` if a CronJob does not set it.

    Removing an environment suspends its CronJobs. Applying the CronJob again resumes it only if the manifest
    sets the field.
    """
    spec = manifest.get("spec")
    return {**manifest, "spec": {"suspend": False, **spec}} if isinstance(spec, Mapping) else manifest


def _with_encoded_data(manifest: Manifest) -> Manifest:
    """Move a Secret's `stringData` to `data`.

    The API server copies `stringData` into `data`, where nobody owns the keys: a key that the overlay removes
    would stay there (https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data).
    """
    string_data: Any = manifest.get("stringData")
    if not isinstance(string_data, Mapping) or not all(
        isinstance(each, str) for each in string_data.values()
    ):
        return manifest
    encoded = {key: b64encode(text.encode()).decode() for key, text in string_data.items()}
    other_fields = {field: value for field, value in manifest.items() if field != "stringData"}
    return {**other_fields, "data": {**(manifest.get("data") or {}), **encoded}}
