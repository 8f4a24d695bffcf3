"""What a branch's commit asks for: its overlays, fetched, filled in, built and judged, before anything is
written.

What is refused here leaves nothing behind, and a dry run shows the very objects that would be applied.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol

from branches.application import TEMPLATE, Manifest, template
from branches.naming import Name
from provisioning.guard import Rules as GuardRules
from provisioning.guard import check_objects, check_sources, namespace_labels
from provisioning.placeholders import Placeholders, substitute
from provisioning.refusal import Refused
from provisioning.tree import Tree, unpack

CLIENT_ID = "azure.workload.identity/client-id"
_SCALERS = {"HorizontalPodAutoscaler", "ScaledObject"}


class Archives(Protocol):
    """Fetches a repository's files."""

    def archive(self, commit: str) -> bytes:
        """The repository at a commit, as a tar.gz; one request.

        Raises:
            Refused: it is larger than any that this program takes.
        """


class Builder(Protocol):
    """Builds overlays."""

    def build(self, tree: Tree, overlay: str) -> tuple[dict[str, Any], ...]:
        """Build one overlay.

        Args:
            tree: the files.
            overlay: its folder.

        Raises:
            Refused: it does not build; with what the builder said.
        """


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the overlays lie, and what a `SecretProviderClass` has to name.

    Args:
        manifests: the folder of the manifests.
        overlays: the overlays' folders below the repository's root; the application's first.
        tenant: the Entra tenant.
    """

    manifests: str
    overlays: tuple[str, ...]
    tenant: str


@dataclass(frozen=True, kw_only=True)
class Desired:
    """What a commit asks for.

    Args:
        manifests: the objects, the namespace apart, still without a client id.
        namespace_labels: what the overlay may say about its namespace.
        hosts: the hosts that its routes claim.
        url: where it will be reached; empty if it has no route.
        tenant: the Entra tenant.
    """

    manifests: tuple[Manifest, ...]
    namespace_labels: Mapping[str, str]
    hosts: tuple[str, ...]
    url: str
    tenant: str


def desired(
    commit: str, name: Name, *, layout: Layout, guard: GuardRules, archives: Archives, builder: Builder
) -> Desired | Refused:
    """Find out what a commit asks for.

    Args:
        commit: the branch's commit.
        name: the environment's names.
        layout: where the overlays lie.
        guard: what an overlay may contain.
        archives: fetches the repository.
        builder: builds overlays.

    Returns:
        The objects, or every reason why they are refused.

    Raises:
        Failure: the repository could not be fetched.
    """
    values = Placeholders(slug=name.slug, database=name.database, commit=commit)
    try:
        tree = substitute(unpack(archives.archive(commit), under=layout.manifests), layout.overlays, values)
        refusals = check_sources(tree, layout.overlays)
        if refusals:
            return Refused(refusals)
        built = tuple(each for overlay in layout.overlays for each in builder.build(tree, overlay))
    except Refused as refused:
        return refused
    refusals = check_objects(built, guard)
    if refusals:
        return Refused(refusals)
    objects = tuple(_normal(each, name.namespace) for each in built if each["kind"] != "Namespace")
    hosts = tuple(dict.fromkeys(host for each in objects for host in _hosts(each)))
    return Desired(
        manifests=_without_replicas(objects),
        namespace_labels=namespace_labels(built, guard),
        hosts=hosts,
        url=f"http://{hosts[0]}/" if hosts else "",
        tenant=layout.tenant,
    )


def point(wanted: Desired, clients: Mapping[str, str]) -> tuple[Manifest, ...]:
    """Point service accounts and secret providers at the identity that holds their credential.

    Args:
        wanted: what the commit asks for.
        clients: service account → the client id of its identity.

    Returns:
        The objects to apply. A `SecretProviderClass` follows the account whose pods mount it.
    """
    accounts = _mounting_accounts(wanted.manifests)
    return tuple(_pointed(each, clients, accounts, wanted.tenant) for each in wanted.manifests)


def _pointed(
    manifest: Manifest, clients: Mapping[str, str], accounts: Mapping[str, str], tenant: str
) -> Manifest:
    name = manifest["metadata"]["name"]
    if manifest["kind"] == "ServiceAccount" and name in clients:
        changed = deepcopy(dict(manifest))
        annotations = changed["metadata"].get("annotations") or {}
        changed["metadata"]["annotations"] = {**annotations, CLIENT_ID: clients[name]}
        return changed
    if manifest["kind"] == "SecretProviderClass":
        account = accounts.get(name, next(iter(clients), ""))
        if account in clients:
            changed = deepcopy(dict(manifest))
            parameters = changed["spec"].get("parameters") or {}
            changed["spec"]["parameters"] = {**parameters, "clientID": clients[account], "tenantId": tenant}
            return changed
    return manifest


def _mounting_accounts(manifests: Iterable[Manifest]) -> dict[str, str]:
    """`SecretProviderClass` → the service account of the pods that mount it."""
    found: dict[str, str] = {}
    for manifest in manifests:
        pod = _pod(manifest)
        for volume in pod.get("volumes") or ():
            attributes = (volume.get("csi") or {}).get("volumeAttributes") or {}
            if "secretProviderClass" in attributes:
                found[attributes["secretProviderClass"]] = pod.get("serviceAccountName") or "default"
    return found


def _pod(manifest: Manifest) -> Mapping[str, Any]:
    spec = manifest.get("spec") or {}
    if manifest["kind"] == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    return (spec.get("template") or {}).get("spec") or {}


def _normal(manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
    """In the environment's namespace whether it says so or not, and a Job with its template noted on it."""
    metadata = {**manifest["metadata"], "namespace": namespace}
    if manifest["kind"] == "Job":
        metadata["annotations"] = {**(metadata.get("annotations") or {}), TEMPLATE: template(manifest)}
    return {**manifest, "metadata": metadata}


def _hosts(manifest: Manifest) -> tuple[str, ...]:
    return tuple((manifest.get("spec") or {}).get("hostnames") or ())


def _without_replicas(manifests: tuple[Manifest, ...]) -> tuple[Manifest, ...]:
    """A workload that a scaler targets loses its `replicas`: applying them would take them back from the
    scaler each time.
    """
    targets = {
        (target.get("kind", "Deployment"), target.get("name"))
        for each in manifests
        if each["kind"] in _SCALERS
        for target in [(each.get("spec") or {}).get("scaleTargetRef") or {}]
    }
    return tuple(
        {**each, "spec": {key: value for key, value in each["spec"].items() if key != "replicas"}}
        if (each["kind"], each["metadata"]["name"]) in targets and isinstance(each.get("spec"), Mapping)
        else each
        for each in manifests
    )
