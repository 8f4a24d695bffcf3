"""Renders a branch's commit into the objects to apply: fetches, substitutes, builds and checks its overlays.

Nothing is written here, so a refused overlay leaves nothing behind, and a dry run shows the exact objects
that would be applied.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from coppice.components.application import TEMPLATE, Manifest, template
from coppice.components.monitoring.component import PART
from coppice.components.slots import Slots
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.manifests.archive import Tree, unpack
from coppice.manifests.fields import display_name, kind_id, mapping, strings
from coppice.manifests.placeholders import Placeholders, left_over, substitute
from coppice.manifests.rejection import Refusal, Rejection
from coppice.reconciler.correlation import carried
from provisioning import limits, mounts, names
from provisioning.admission import (
    AdmissionPolicy,
    check_objects,
    check_sources,
    namespace_labels,
    part_of,
    remarks,
    split_shared,
)
from provisioning.admission.routes import ROUTES
from provisioning.fence import FenceConfig, fence
from provisioning.own_metrics import with_namespace_label
from provisioning.placement import Placement, with_placement
from provisioning.secrets import ManifestsWithIdentities, VaultConfig, missing_class_names, with_identities
from provisioning.time_limits import with_time_limits

_SCALERS = {"HorizontalPodAutoscaler", "ScaledObject"}


class Archives(Protocol):
    """Fetches repositories."""

    def archive(self, commit: str) -> bytes:
        """Fetch the repository at a commit as a tar.gz, in one request.

        Raises:
            Rejection: the archive is larger than this program accepts.
        """


class Builder(Protocol):
    """Builds overlays with kustomize."""

    def workspace(self, tree: Tree) -> AbstractContextManager[Callable[[str], tuple[dict[str, Any], ...]]]:
        """Write files to a temporary folder.

        Args:
            tree: the files.

        Returns:
            A context whose value builds the overlay in a folder of the tree. That function raises
            `Rejection`, with the builder's own message, if the overlay does not build.
        """


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the overlays are, and what rendering adds to the objects of every environment.

    Attributes:
        manifests: the folder of the manifests; setting `MANIFESTS_PATH`.
        overlays: the overlays' folders, relative to the repository's root; the application's comes first;
            settings `FEATURE_OVERLAY` and `MONITORING_OVERLAY`.
        tenant: the Entra tenant; setting `AZURE_TENANT_ID`.
        accounts: service account → the pool of its identity; setting `SERVICE_ACCOUNTS`.
        vaults: the secrets that an environment may read.
        fence: what the fences of all environments have in common.
        placement: the nodes that pods run on.
    """

    manifests: str
    overlays: tuple[str, ...]
    tenant: str
    accounts: Mapping[str, str]
    vaults: VaultConfig
    fence: FenceConfig
    placement: Placement


@dataclass(frozen=True, kw_only=True)
class Desired:
    """The desired state of an environment, rendered from a commit.

    Attributes:
        manifests: the objects without the namespace; client IDs are not set yet.
        namespace_labels: the labels that the overlay sets on its namespace.
        hosts: the hosts that its routes claim.
        url: the URL of the environment; empty if it has no route.
        tenant: the Entra tenant.
        vaults: the secrets that the environment may read.
        fence: the objects that isolate it from other environments; applied before `manifests`.
        part: its part of the cluster-wide monitoring configuration, if it has one.
        remarks: what the overlay's author should know.
    """

    manifests: tuple[Manifest, ...]
    namespace_labels: Mapping[str, str]
    hosts: tuple[str, ...]
    url: str
    tenant: str
    vaults: VaultConfig
    fence: tuple[Manifest, ...] = ()
    brought: Slots = field(default_factory=Slots)
    remarks: tuple[str, ...] = ()

    def with_identities(self, clients: Mapping[str, str]) -> ManifestsWithIdentities:
        """Set the identities that hold the branch's credentials in the objects.

        Args:
            clients: service account → the client ID of its identity.
        """
        return with_identities(self.manifests, clients=clients, tenant=self.tenant, vaults=self.vaults)


def render(
    commit: str,
    key: Key,
    name: Name,
    *,
    layout: Layout,
    guard: AdmissionPolicy,
    archives: Archives,
    builder: Builder,
) -> Desired | Rejection:
    """Render a commit.

    Args:
        commit: the branch's commit.
        key: the branch.
        name: the environment's names.
        layout: where the overlays lie.
        guard: what the overlays may contain.
        archives: fetches the repository.
        builder: builds overlays.

    Returns:
        The desired state, or every reason why the overlays are refused.

    Raises:
        Failure: the repository could not be fetched.
    """
    values = Placeholders(slug=name.slug, database=name.database, commit=commit)
    try:
        tree = substitute(unpack(archives.archive(commit), under=layout.manifests), layout.overlays, values)
        refusals = check_sources(tree, layout.overlays)
        if refusals:
            return Rejection(refusals)
        with builder.workspace(tree) as build, ThreadPoolExecutor(len(layout.overlays)) as executor:
            application, *others = executor.map(carried(build), layout.overlays)
    except Rejection as rejection:
        return rejection
    monitoring, shared = split_shared([each for overlay in others for each in overlay])
    built = (*application, *monitoring)
    part, part_refusals = part_of(shared, key=key, name=name)
    refusals = (*check_objects(built, guard), *part_refusals)
    refusals = refusals or (*_left_over(built, layout), *names.refusals(built))
    refusals = refusals or limits.refusals(built, layout.fence.templates)
    refusals = refusals or mounts.refusals(
        built, accounts=layout.accounts, vaults=layout.vaults, reserved={guard.database_secret} - {""}
    )
    if refusals:
        return Rejection(refusals)
    objects = _without_replicas(tuple(each for each in built if each["kind"] != "Namespace"))
    objects = limits.with_limits(objects, layout.fence.templates)
    objects = with_namespace_label(with_placement(objects, layout.placement), name.namespace)
    objects = with_time_limits(_normalized(each, name.namespace) for each in objects)
    hosts = tuple(dict.fromkeys(host for each in objects for host in route_hosts(each)))
    return Desired(
        manifests=objects,
        namespace_labels=namespace_labels(built, guard),
        hosts=hosts,
        url=f"http://{hosts[0]}/" if hosts else "",
        tenant=layout.tenant,
        vaults=layout.vaults,
        fence=fence(_fence_config(layout, objects), name.namespace, objects),
        brought=Slots().put(PART, part),
        remarks=remarks(objects, part),
    )


def _left_over(built: Sequence[Manifest], layout: Layout) -> tuple[Refusal, ...]:
    """Refuse tokens from files outside the overlays: they would be applied without being replaced."""
    where = " and ".join(layout.overlays)
    return tuple(
        Refusal(
            display_name(manifest),
            f"{field} holds the placeholder {token}: tokens are replaced in the files of {where} alone, so "
            "set it from there, as by a patch; outside of them only a variable may be called so",
        )
        for manifest, field, token in left_over(built)
    )


def _fence_config(layout: Layout, objects: Sequence[Manifest]) -> FenceConfig:
    """The fence's configuration; its quota also admits the Secrets that generated classes sync to."""
    synced = missing_class_names(objects, layout.vaults)
    return replace(layout.fence, delivered=(*layout.fence.delivered, *synced))


def _normalized(manifest: Manifest, namespace: str) -> dict[str, Any]:
    """Put an object into the environment's namespace, and annotate a Job with the digest of its template."""
    metadata = {**manifest["metadata"], "namespace": namespace}
    if manifest["kind"] == "Job":
        metadata["annotations"] = {**(metadata.get("annotations") or {}), TEMPLATE: template(manifest)}
    return {**manifest, "metadata": metadata}


def route_hosts(manifest: Manifest) -> tuple[str, ...]:
    """The hosts that a route claims, which `check_objects` has checked; none for other kinds."""
    return tuple(strings(mapping(manifest, "spec"), "hostnames")) if kind_id(manifest) in ROUTES else ()


def _without_replicas(manifests: tuple[Manifest, ...]) -> tuple[Manifest, ...]:
    """Remove `replicas` from workloads that a scaler targets: applying it would undo the scaler's work."""
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
