"""The schedule file: when each environment is awake, and what it consists of.

The published JSON Schema is generated from these classes, so that an editor and the program cannot disagree.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from scheduler.documents import Path
from scheduler.holidays import check_calendar
from scheduler.scalars import Scalar
from scheduler.spans import DURATION, SPAN, Span, duration

FEATURES = "features"

_NAME = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
_REPOSITORY = r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"


def _path(text: object) -> Path:
    return Path.parse(text if isinstance(text, str) else "")


def _calendar(value: object) -> str | date:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return date.fromisoformat(value)
    return check_calendar(value)


def _text(pattern: str, example: str) -> BeforeValidator:
    def check(value: object) -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        raise ValueError(f"expected {example}")

    return BeforeValidator(check, json_schema_input_type=Annotated[str, Field(pattern=pattern)])


Name = Annotated[str, _text(_NAME, "lower-case letters, digits and '-', such as ameide-dev")]
Pods = Annotated[str, _text(r"^[^/\s]+/[^/\s]+$", "globs of namespace/pod, such as cnpg-system/*")]
AwakeSpan = Annotated[Span, BeforeValidator(Span.parse), WithJsonSchema({"type": "string", "pattern": SPAN})]
Duration = Annotated[
    timedelta, BeforeValidator(duration), WithJsonSchema({"type": "string", "pattern": DURATION})
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Flag(_Part):
    """A value in Git that says whether an environment is on."""

    repository: Annotated[str, _text(_REPOSITORY, "owner/name")] = Field(
        default="", description="owner/name; GITHUB_REPOSITORY unless said otherwise"
    )
    branch: str = Field(default="", description="the repository's default branch unless said otherwise")
    file: Annotated[str, Field(min_length=1)] = Field(description="a YAML file of the repository")
    path: Annotated[Path, BeforeValidator(_path), WithJsonSchema({"type": "string"})] = Field(
        description="where the value is: spec.values.replicaCount, annotations['cnpg.io/hibernation']"
    )
    on: Scalar = "on"
    off: Scalar = "off"

    @model_validator(mode="after")
    def _different(self) -> Self:
        if self.on == self.off:
            raise ValueError(f"expected an on and an off that differ; both are {self.on!r}")
        return self

    def says(self, value: Scalar) -> Literal["on", "off", "neither"]:
        """Whether a value means on, off or neither. `false` is not 0."""
        for state, meant in (("on", self.on), ("off", self.off)):
            if value == meant and isinstance(value, bool) is isinstance(meant, bool):
                return "on" if state == "on" else "off"
        return "neither"

    def __str__(self) -> str:
        return f"{self.path} in {self.file}"


class Sync(_Part):
    """What brings the flag to the cluster: one object, or with `selector` all that match it."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["argocd"]}, {"required": ["flux"]}]})

    argocd: str = Field(
        default="", description="Application: namespace/name; with a selector its namespace alone"
    )
    flux: str = Field(
        default="", description="Kustomization/namespace/name; with a selector without the name"
    )
    selector: str = Field(default="", description="a label selector, such as environment=dev")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.argocd) == bool(self.flux):
            raise ValueError("expected one of argocd and flux")
        reference = f"Application/{self.argocd}" if self.argocd else self.flux
        kind, *rest = reference.split("/")
        valid = len(rest) == (1 if self.selector else 2) and all(re.fullmatch(_NAME, part) for part in rest)
        if not valid or kind != self.kind:
            parts = "namespace" if self.selector else "namespace/name"
            raise ValueError(f"expected {parts if self.argocd else f'Kustomization/{parts}'}")
        return self

    @property
    def kind(self) -> Literal["Application", "Kustomization"]:
        """The kind of the objects."""
        return "Application" if self.argocd else "Kustomization"

    @property
    def namespace(self) -> str:
        """The namespace of the objects."""
        return (self.argocd or self.flux.removeprefix("Kustomization/")).split("/")[0]

    @property
    def name(self) -> str:
        """The name of the object; empty if there is a selector."""
        return "" if self.selector else (self.argocd or self.flux).rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name or f'({self.selector})'}"


class UptimeWindow(_Part):
    """The hours in which something is awake."""

    awake: tuple[AwakeSpan, ...] = Field(
        description='days and hours, such as "Mon-Fri 06:00-20:00"; the day is the one on which a span begins'
    )
    lead_time: Duration = Field(
        default=timedelta(),
        description="start waking this long before: 30m, 1h30m; 12h at most",
        json_schema_extra={"default": "0m"},
    )


class Environment(UptimeWindow):
    """An environment that sleeps: its hours, its flags in Git, its namespaces and its pools."""

    namespaces: Annotated[tuple[Name, ...], Field(min_length=1)]
    pools: tuple[Name, ...] = ()
    state: Annotated[tuple[Flag, ...], Field(min_length=1)]
    sync: Annotated[tuple[Sync, ...], Field(min_length=1)]
    leftovers: tuple[Pods, ...] = Field(
        default=(), description="pods that may stay on its pools: cnpg-system/*"
    )


class Price(_Part):
    """What a node of each pool costs in an hour. Without it, no saved amount is reported."""

    currency: Annotated[str, _text(r"^[A-Z]{3}$", "a currency's three letters, such as EUR")]
    pools: dict[Name, Annotated[float, Field(ge=0)]]


class Environments(BaseModel):
    """Environments by name; `features` stands for all branch environments."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Environment] = Field(init=False)

    features: UptimeWindow | None = None


class Schedule(_Part):
    """The schedule file."""

    timezone: str = Field(default="UTC", description="an IANA zone, such as Europe/Helsinki")
    holidays: tuple[
        Annotated[str | date, BeforeValidator(_calendar), WithJsonSchema({"type": "string"})], ...
    ] = Field(
        default=(), description="asleep all day: countries (FI), their parts (DE-BY), dates (2026-12-24)"
    )
    protected_pools: tuple[Name, ...] = Field(
        default=(), description="never touched, beside every System pool"
    )
    price: Price | None = None
    environments: Environments

    @field_validator("timezone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise ValueError("expected an IANA zone, such as UTC or Europe/Helsinki") from None
        return zone

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of its hours."""
        return ZoneInfo(self.timezone)

    @property
    def named(self) -> Mapping[str, Environment]:
        """The environments that have pools and flags, by name. `features` is not among them."""
        return self.environments.__pydantic_extra__

    def hours(self, environment: str) -> UptimeWindow:
        """Return the hours of an environment, or of `features`.

        Raises:
            KeyError: the schedule does not name it.
        """
        if environment == FEATURES and self.environments.features:
            return self.environments.features
        return self.named[environment]


def json_schema() -> dict[str, object]:
    """Generate the JSON Schema that is published next to this file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Schedule.model_json_schema()}
