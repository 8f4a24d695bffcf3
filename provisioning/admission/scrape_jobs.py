"""Restricts the scrape jobs of a branch to its own namespace, and to what Prometheus accepts.

They run in the collector that the whole cluster shares, with its files, its environment variables and its
network access. So a job is rebuilt from the fields that are known to be harmless
(https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config). All other fields
are refused, such as credentials, proxies and other kinds of service discovery.
"""

import json
import re
from collections.abc import Mapping

from coppice.manifests.documents import BadYaml, load
from coppice.manifests.fields import Fields, Malformed, mapping, mappings, quote
from provisioning.admission.relabelling import rules
from provisioning.admission.scrape_fields import READERS, refuse_unknown

Job = Mapping[str, object]

MAX_JOBS = 20
"""The highest number of jobs of a branch."""

MAX_BYTES = 16_384
"""The size of a branch's jobs as JSON, so that fifty branches fit into one ConfigMap."""

_MAX_NODES = 20_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:-]{0,99}")


def read_jobs(config: str, *, slug: str, namespace: str) -> tuple[tuple[Job, ...], tuple[str, ...]]:
    """Read the scrape jobs in a branch's Prometheus configuration.

    Args:
        config: the configuration as YAML.
        slug: the branch's slug; every job is named `<slug>-<job>`.
        namespace: the environment's namespace.

    Returns:
        The jobs, and every reason against them. The jobs may be used only if there is no reason.
    """
    try:
        content = mapping({"configuration": load(config, nodes=_MAX_NODES)}, "configuration")
        configs = mappings(content, "scrape_configs")
    except (BadYaml, Malformed) as error:
        return (), (f"it is no Prometheus configuration: {error}",)
    reasons = [
        f"its {quote(name)} would hold for the whole cluster; a branch brings scrape_configs and nothing else"
        for name in content
        if name != "scrape_configs"
    ]
    if len(configs) > MAX_JOBS:
        return (), (*reasons, f"it has {len(configs)} jobs; at most {MAX_JOBS} are let through")
    jobs = [_job(each, slug=slug, namespace=namespace, reasons=reasons) for each in configs]
    names = [str(job["job_name"]) for job in jobs]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    reasons += [
        f"it has the job {quote(name.removeprefix(f'{slug}-'))} more than once" for name in duplicates
    ]
    if len(json.dumps(jobs)) > MAX_BYTES:
        reasons.append(f"its jobs take more than {MAX_BYTES} bytes of JSON")
    return tuple(jobs), tuple(reasons)


def _job(job: Fields, *, slug: str, namespace: str, reasons: list[str]) -> Job:
    """Rebuild one job, and add the reasons against it to `reasons`."""
    name = job.get("job_name")
    subject = f"its job {quote(name)}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        reasons.append(f"{subject} needs a job_name of letters, digits and `_./:-`, 100 at the most")
    read: dict[str, object] = {"job_name": f"{slug}-{name}"}
    for field in job:
        if field == "job_name":
            continue
        try:
            read[field] = READERS.get(field, refuse_unknown)(job, field, namespace)
        except Malformed as error:
            reasons.append(f"{subject}: {error}")
    for field in ("relabel_configs", "metric_relabel_configs"):
        read.setdefault(field, rules({}, field, namespace))
    if "kubernetes_sd_configs" not in job and "static_configs" not in job:
        reasons.append(f"{subject} has no targets: give it kubernetes_sd_configs")
    # A pod that answers with a redirect would send the collector to another host.
    return {**read, "follow_redirects": False}
