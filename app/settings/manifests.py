"""The settings about overlays: where they lie, what they may contain, and where their pods run."""

from typing import Annotated, ClassVar

from pydantic import Field

from app.settings.declaration import Section, Setting
from app.settings.kinds import DEFAULT_KINDS
from app.settings.values import Folder, Listed, Mapped, Tolerations


class ManifestSettings(Section):
    """Where the overlays lie, what they may contain, and where their pods run."""

    title: ClassVar[str] = "Manifests"

    manifests_path: Annotated[
        Folder,
        Setting("the folder of the manifests in the repository", example="deploy/k8s", renders=True),
    ] = "manifests"
    feature_overlay: Annotated[
        str,
        Field(min_length=1),
        Setting("the application's overlay, below it", example="overlays/preview", renders=True),
    ] = "overlays/feature"
    monitoring_overlay: Annotated[
        str,
        Setting(
            "the monitoring's overlay, below it; set and empty: there is none",
            example="overlays/monitoring",
            renders=True,
        ),
    ] = "overlays/azure-feature"
    allowed_kinds: Annotated[
        Listed,
        Setting(
            "kinds that an overlay may contain, `group/Kind`, core kinds without a group",
            example="ConfigMap,Service,apps/Deployment",
            renders=True,
            shown_default="[these](#allowed-kinds)",
        ),
    ] = tuple(DEFAULT_KINDS.split(","))
    key_vaults: Annotated[
        Listed,
        Setting(
            "vaults that an environment may read; the first is the vault of a class that is made",
            example="kv-todo-feature",
            renders=True,
        ),
    ] = ()
    key_vault_objects: Annotated[
        Listed,
        Setting(
            "globs of the names that it may read there, compared without case; names without `*?[` are also "
            "what a class is made of, for an overlay that holds none",
            example="feature-*,shared-readonly",
            renders=True,
        ),
    ] = ("*feature*",)
    node_selector: Annotated[
        Mapped,
        Setting(
            "labels of the nodes that environments' pods run on, `key=value`",
            example="kubernetes.azure.com/agentpool=dev",
            renders=True,
        ),
    ] = {}  # noqa: RUF012  (pydantic copies it)
    tolerations: Annotated[
        Tolerations,
        Setting(
            "taints that they put up with, `key=value:effect` or `key:effect`",
            example="environment=dev:NoSchedule",
            renders=True,
        ),
    ] = ()
