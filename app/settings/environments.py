"""The settings about environments as a whole, and about when they are looked after."""

from typing import Annotated, ClassVar

from pydantic import Field

from app import timers
from app.settings.declaration import Section, Setting
from app.settings.values import DomainName, Gateways, Listed, Mapped, NamespacePrefix


class EnvironmentSettings(Section):
    """What environments are called, how many there are, and when they are looked after."""

    title: ClassVar[str] = "Environments"

    namespace_prefix: Annotated[
        NamespacePrefix,
        Setting(
            "an environment's namespace is this and the branch's slug",
            example="branch-",
            renders=True,
        ),
    ] = "feature-"
    namespace_labels: Annotated[
        Mapped,
        Setting(
            "further labels of the namespace, `key=value`",
            example="team=web,dev-gateway-access=allowed",
            renders=True,
        ),
    ] = {"dev-gateway-access": "allowed"}  # noqa: RUF012  (pydantic copies it)
    protected_namespaces: Annotated[
        Listed,
        Setting(
            "globs of namespaces that are never created, changed or deleted, whatever the prefix",
            example="*-shared,production",
        ),
    ] = (
        "default",
        "kube-*",
        "gatekeeper-system",
        "argocd",
        "flux-system",
        "project",
        "staging",
        "production",
    )
    base_domain: Annotated[
        DomainName,
        Setting(
            "an environment may claim the hosts `<namespace>.<BASE_DOMAIN>` and `<slug>.<BASE_DOMAIN>`, "
            "no other",
            example="dev.example.com",
            renders=True,
        ),
    ]
    gateways: Annotated[
        Gateways,
        Setting(
            "gateways that its routes may attach to, `namespace/name`",
            example="gateways/internal",
            renders=True,
        ),
    ] = ("agc-shared/agc-feature-gateway",)
    max_environments: Annotated[
        int, Field(ge=1), Setting("the most environments at once; the next one waits", example="20")
    ] = 50
    reapply_hours: Annotated[
        float,
        Field(gt=0),
        Setting("hours after which an environment is applied again though nobody pushed", example="6"),
    ] = 24
    sweep_schedule: Annotated[str, Setting("NCRONTAB of the sweep, in UTC", example="0 */5 * * * *")] = (
        timers.SWEEP_SCHEDULE
    )
    power_schedule: Annotated[
        str, Setting("NCRONTAB of the scheduler's tick, in UTC", example="0 */15 * * * *")
    ] = timers.POWER_SCHEDULE
    schedule_file: Annotated[
        str,
        Setting(
            "the power schedule, relative to the app's folder; empty: `schedule.yaml`, if there is one",
            example="nights.yaml",
        ),
    ] = ""
    sweep_max_deletions: Annotated[
        int,
        Field(ge=0),
        Setting("a sweep that would begin more removals than this begins none, and asks", example="10"),
    ] = 5
