"""The two ConfigMaps, and branches that have a part in them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from coppice.components.monitoring.marks import Owner
from coppice.components.monitoring.merge import with_part
from coppice.components.monitoring.shared import Part, ReplaceShared, Shared, SharedConfig
from coppice.environment.key import Key
from coppice.environment.references import SharedName
from coppice.reconciler.plan import Blocked
from tests.unit.environment.monitoring_texts import SETTINGS

KEY = "pod-annotation-based-scraping"


def shared(jobs: str = "", pattern: str = SETTINGS[0], **further: str) -> Shared:
    return Shared(
        jobs=SharedConfig(name=SharedName.JOBS, version="1", data={"prometheus-config": jobs}),
        settings=SharedConfig(name=SharedName.SETTINGS, version="2", data={KEY: pattern, **further}),
    )


def part(branch: str, *jobs: Mapping[str, Any] | str, annotated: bool = False, slug: str = "") -> Part:
    slug = slug or branch
    named = [{"job_name": each} if isinstance(each, str) else dict(each) for each in jobs]
    return Part(
        owner=Owner(key=Key(repository="acme/todo-app", branch=branch), namespace=f"feature-{slug}"),
        slug=slug,
        jobs=tuple({**job, "job_name": f"{slug}-{job['job_name']}"} for job in named),
        annotated=annotated,
    )


def after(there: Shared, changes: tuple[ReplaceShared, ...] | Blocked) -> Shared:
    assert not isinstance(changes, Blocked), changes.why
    for change in changes:
        side = "jobs" if change.config.name is SharedName.JOBS else "settings"
        before = getattr(there, side)
        assert change.config.version == before.version
        there = replace(there, **{side: replace(change.config, version=before.version + "0")})
    return there


def merged(there: Shared, *parts: Part) -> Shared:
    for each in parts:
        there = after(there, with_part(there, each))
    return there


def jobs_of(there: Shared) -> list[dict[str, Any]]:
    assert there.jobs is not None
    said = yaml.load(there.jobs.data["prometheus-config"], Loader=yaml.CSafeLoader) or {}
    return said.get("scrape_configs") or []


def names_of(there: Shared) -> list[str]:
    return [job["job_name"] for job in jobs_of(there)]


def pattern_of(there: Shared, key: str = KEY) -> str:
    assert there.settings is not None
    found = re.findall(
        r"^\s*podannotationnamespaceregex\s*=\s*[\"'](.*)[\"']", there.settings.data[key], re.MULTILINE
    )
    assert len(found) == 1
    return str(found[0])


def why(changes: tuple[ReplaceShared, ...] | Blocked) -> str:
    assert isinstance(changes, Blocked)
    return changes.why
