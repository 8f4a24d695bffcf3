"""Paths of the Kubernetes API: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris."""

from urllib.parse import quote


def path(group_version: str, plural: str, *, namespace: str = "", name: str = "") -> str:
    """Build the path of an object or a collection.

    Args:
        group_version: `v1`, or `group/version`.
        plural: the resource, such as `deployments`.
        namespace: its namespace; empty for cluster-scoped resources, or for all namespaces.
        name: its name; empty for the collection.

    Returns:
        The path, escaped.
    """
    root = "/api" if "/" not in group_version else "/apis"
    parts = [root, group_version]
    parts += ["namespaces", quote(namespace, safe="")] if namespace else []
    parts += [plural, *([quote(name, safe="")] if name else [])]
    return "/".join(parts)
