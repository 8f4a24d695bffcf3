"""What a branch's commit asks for: its overlays, fetched, filled in, built and judged, before anything is
written.

What is refused here leaves nothing behind, and a dry run shows the very objects that would be applied.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from coppice.components.application import TEMPLATE, Manifest, template
from coppice.components.monitoring.shared import Part
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.manifests.archive import Tree, unpack
from coppice.manifests.fields import kind_id, mapping, strings
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
from provisioning.own_metrics import labelled
from provisioning.placement import Placement, placed
from provisioning.secrets import Pointed, VaultConfig, lacking_classes, with_identities
from provisioning.time_limits import ended

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

    def laid_out(self, tree: Tree) -> AbstractContextManager[Callable[[str], tuple[dict[str, Any], ...]]]:
        """Lay files out for building: what is yielded builds the overlay of a folder.

        Args:
            tree: the files.

        Raises:
            Refused: by what builds, if an overlay does not; with what the builder said.
        """


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What rendering needs to know that is the same for all branches: where a commit's overlays lie, and
    what is put into their objects.

    Attributes:
        manifests: the folder of the manifests; setting `MANIFESTS_PATH`.
        overlays: the overlays' folders below the repository's root, the application's first; settings
            `FEATURE_OVERLAY` and `MONITORING_OVERLAY`.
        tenant: the Entra tenant; setting `AZURE_TENANT_ID`.
        accounts: service account → the pool of its identity; setting `SERVICE_ACCOUNTS`.
        vaults: which secrets an environment may ask for.
        fence: what all fences have in common.
        placement: where pods run.
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
    """What a commit asks for.

    Args:
        manifests: the objects, the namespace apart, still without a client id.
        namespace_labels: what the overlay may say about its namespace.
        hosts: the hosts that its routes claim.
        url: where it will be reached; empty if it has no route.
        tenant: the Entra tenant.
        vaults: which secrets it may ask for.
        fence: what keeps it from its neighbours; applied before its objects.
        part: its part in the monitoring that all share, if it has one.
        remarks: what people should know of it.
    """

    manifests: tuple[Manifest, ...]
    namespace_labels: Mapping[str, str]
    hosts: tuple[str, ...]
    url: str
    tenant: str
    vaults: VaultConfig
    fence: tuple[Manifest, ...] = ()
    part: Part | None = None
    remarks: tuple[str, ...] = ()

    def with_identities(self, clients: Mapping[str, str]) -> Pointed:
        """The objects, pointed at the identities that hold their credentials.

        Args:
            clients: service account → the client id of its identity.
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
    """Find out what a commit asks for.

    Args:
        commit: the branch's commit.
        key: the branch.
        name: the environment's names.
        layout: where the overlays lie.
        guard: what the overlay is judged by.
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
            return Rejection(refusals)
        with builder.laid_out(tree) as build, ThreadPoolExecutor(len(layout.overlays)) as side_by_side:
            application, *further = side_by_side.map(carried(build), layout.overlays)
    except Rejection as refused:
        return refused
    monitoring, shared = split_shared([each for overlay in further for each in overlay])
    built = (*application, *monitoring)
    part, against = part_of(shared, key=key, name=name)
    refusals = (*check_objects(built, guard), *against)
    refusals = refusals or (*_left_over(built, layout), *names.refusals(built))
    refusals = refusals or limits.refusals(built, layout.fence.templates)
    refusals = refusals or mounts.refusals(
        built, accounts=layout.accounts, vaults=layout.vaults, reserved={guard.database_secret} - {""}
    )
    if refusals:
        return Rejection(refusals)
    own = tuple(each for each in built if each["kind"] != "Namespace")
    within = limits.limited(_without_replicas(own), layout.fence.templates)
    ours = labelled(placed(within, layout.placement), name.namespace)
    objects = ended(_normal(each, name.namespace) for each in ours)
    hosts = tuple(dict.fromkeys(host for each in objects for host in claimed(each)))
    return Desired(
        manifests=objects,
        namespace_labels=namespace_labels(built, guard),
        hosts=hosts,
        url=f"http://{hosts[0]}/" if hosts else "",
        tenant=layout.tenant,
        vaults=layout.vaults,
        fence=fence(_delivering(layout, objects), name.namespace, objects),
        part=part,
        remarks=remarks(objects, part),
    )


def _left_over(built: Sequence[Manifest], layout: Layout) -> tuple[Refusal, ...]:
    """Tokens that came from other files than the overlays': they would stand in the cluster as they are."""
    where = " and ".join(layout.overlays)
    return tuple(
        Refusal(
            names.called(manifest),
            f"{field} holds the placeholder {token}: tokens are replaced in the files of {where} alone, so "
            "set it from there, as by a patch; outside of them only a variable may be called so",
        )
        for manifest, field, token in left_over(built)
    )


def _delivering(layout: Layout, objects: Sequence[Manifest]) -> FenceConfig:
    """The fence, with room for the copies of secrets that a class of ours makes."""
    copied = lacking_classes(objects, layout.vaults)
    return replace(layout.fence, delivered=(*layout.fence.delivered, *copied))


def _normal(manifest: Manifest, namespace: str) -> dict[str, Any]:
    """In the environment's namespace whether it says so or not, and a Job with its template noted on it."""
    metadata = {**manifest["metadata"], "namespace": namespace}
    if manifest["kind"] == "Job":
        metadata["annotations"] = {**(metadata.get("annotations") or {}), TEMPLATE: template(manifest)}
    return {**manifest, "metadata": metadata}


def claimed(manifest: Manifest) -> tuple[str, ...]:
    """The hosts that an object claims: none, unless it is a route, whose hosts the guard has judged."""
    return tuple(strings(mapping(manifest, "spec"), "hostnames")) if kind_id(manifest) in ROUTES else ()


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
