"""Scrape jobs that look at their own namespace, and that Prometheus takes.

They run in the collector, beside everybody's jobs: with its files, its environment and its reach. So a job is
put together anew from the fields that are known to be harmless
(https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config); what else it has is
refused, credentials, proxies and other kinds of discovery among it.
"""

import json
import re
from collections.abc import Mapping

from coppice.manifests.documents import BadYaml, load
from coppice.manifests.fields import Fields, Malformed, mapping, mappings, quote
from provisioning.admission.relabelling import rules
from provisioning.admission.scrape_fields import READERS, unknown

Job = Mapping[str, object]

MAX_JOBS = 20
"""How many jobs a branch brings at the most."""

MAX_BYTES = 16_384
"""How much JSON they may take: fifty branches fit into one ConfigMap."""

_MOST_NODES = 20_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:-]{0,99}")


def read_jobs(config: str, *, slug: str, namespace: str) -> tuple[tuple[Job, ...], tuple[str, ...]]:
    """Read what a branch brings as a Prometheus configuration.

    Args:
        config: the text.
        slug: the branch's; every job is named `<slug>-<job>`.
        namespace: the environment's own.

    Returns:
        The jobs, and every reason found against them: only if there is none are they any good.
    """
    try:
        said = mapping({"configuration": load(config, nodes=_MOST_NODES)}, "configuration")
        given = mappings(said, "scrape_configs")
    except (BadYaml, Malformed) as error:
        return (), (f"it is no Prometheus configuration: {error}",)
    found = [
        f"its {quote(name)} would hold for the whole cluster; a branch brings scrape_configs and nothing else"
        for name in said
        if name != "scrape_configs"
    ]
    if len(given) > MAX_JOBS:
        return (), (*found, f"it has {len(given)} jobs; at most {MAX_JOBS} are let through")
    read = [_job(each, slug=slug, namespace=namespace, found=found) for each in given]
    names = [str(job["job_name"]) for job in read]
    twice = sorted({name for name in names if names.count(name) > 1})
    found += [f"it has the job {quote(name.removeprefix(f'{slug}-'))} more than once" for name in twice]
    if len(json.dumps(read)) > MAX_BYTES:
        found.append(f"its jobs take more than {MAX_BYTES} bytes of JSON")
    return tuple(read), tuple(found)


def _job(job: Fields, *, slug: str, namespace: str, found: list[str]) -> Job:
    name = job.get("job_name")
    called = f"its job {quote(name)}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        found.append(f"{called} needs a job_name of letters, digits and `_./:-`, 100 at the most")
    read: dict[str, object] = {"job_name": f"{slug}-{name}"}
    for field in job:
        if field == "job_name":
            continue
        try:
            read[field] = READERS.get(field, unknown)(job, field, namespace)
        except Malformed as error:
            found.append(f"{called}: {error}")
    for field in ("relabel_configs", "metric_relabel_configs"):
        read.setdefault(field, rules({}, field, namespace))
    if "kubernetes_sd_configs" not in job and "static_configs" not in job:
        found.append(f"{called} has no targets: give it kubernetes_sd_configs")
    # A pod that answers with a redirect would send the collector elsewhere.
    return {**read, "follow_redirects": False}
