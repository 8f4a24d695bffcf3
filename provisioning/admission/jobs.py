"""Limits the run time of Jobs, and how many Jobs the CronJobs of an environment start together.

A quota counts existing objects only. Four hundred CronJobs that start every minute fit into any quota, and
keep the scheduler and the controllers of the whole cluster busy.
"""

import re
from collections.abc import Iterator, Sequence

from coppice.manifests.fields import Fields, Malformed, kind_id, mapping, quote, string
from coppice.manifests.rejection import Refusal
from provisioning.admission.policy import AdmissionPolicy

CRON_JOBS = 20
STARTS = 2_000  # per day, of all CronJobs together; one start a minute makes 1440
JOBS = 50
LONGEST = 86_400  # seconds that a Job may run
HISTORY = 10

JOB_SPEC_PATHS = {
    "batch/Job": ("spec",),
    "batch/CronJob": ("spec", "jobTemplate", "spec"),
    "keda.sh/ScaledJob": ("spec", "jobTargetRef"),
}
"""Kind → the path of the spec of its Jobs."""

# https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
_STARTS_BY_MACRO = {
    "@annually": 1,
    "@daily": 1,
    "@hourly": 24,
    "@midnight": 1,
    "@monthly": 1,
    "@weekly": 1,
    "@yearly": 1,
}
_PART = re.compile(r"(?P<from>\*|\?|[0-9]{1,2})(-(?P<to>[0-9]{1,2}))?(/(?P<step>[0-9]{1,2}))?")


def refusals(obj: Fields, _policy: AdmissionPolicy) -> Iterator[str]:
    """Check one Job, CronJob or ScaledJob."""
    kind = kind_id(obj)
    if kind not in JOB_SPEC_PATHS:
        return
    seconds = mapping(obj, *JOB_SPEC_PATHS[kind]).get("activeDeadlineSeconds")
    if isinstance(seconds, int) and seconds > LONGEST:
        yield f"its activeDeadlineSeconds {seconds} is more than a Job may take here: {LONGEST}"
    for field in ("failedJobsHistoryLimit", "successfulJobsHistoryLimit"):
        kept = mapping(obj, "spec").get(field)
        if isinstance(kept, int) and kept > HISTORY:
            yield f"its {field} {kept} is more than {HISTORY}"
    if kind == "batch/CronJob":
        starts_a_day(string(mapping(obj, "spec"), "schedule"))


def budget_refusals(objects: Sequence[Fields]) -> Iterator[Refusal]:
    """Check all Jobs and CronJobs of an environment together.

    Args:
        objects: all of its objects; their fields have the expected types.
    """
    cron_jobs = [obj for obj in objects if kind_id(obj) == "batch/CronJob"]
    jobs = sum(1 for obj in objects if kind_id(obj) == "batch/Job")
    if jobs > JOBS:
        yield Refusal("overlay", f"has {jobs} Jobs; at most {JOBS} are let through")
    if len(cron_jobs) > CRON_JOBS:
        yield Refusal("overlay", f"has {len(cron_jobs)} CronJobs; at most {CRON_JOBS} are let through")
    specs = [mapping(obj, "spec") for obj in cron_jobs]
    starts = sum(starts_a_day(string(spec, "schedule")) for spec in specs if not spec.get("suspend"))
    if starts > STARTS:
        yield Refusal("overlay", f"its CronJobs start {starts} times a day; at most {STARTS} are let through")


def starts_a_day(schedule: str) -> int:
    """How often a CronJob starts on a day on which it starts at all.

    Args:
        schedule: five fields, or a macro such as `@hourly`.

    Raises:
        Malformed: the schedule has another form.
    """
    if schedule in _STARTS_BY_MACRO:
        return _STARTS_BY_MACRO[schedule]
    fields = schedule.split()
    if len(schedule) > 200 or len(fields) != 5:
        raise Malformed(
            f"the schedule {quote(schedule)} must be five fields, as `0 3 * * *` is, or @hourly, @daily, …"
        )
    return len(_values(fields[0], 60, schedule)) * len(_values(fields[1], 24, schedule))


def _values(field: str, end: int, schedule: str) -> set[int]:
    """The minutes or hours that a field of a schedule matches."""
    values: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None or match["step"] in {"0", "00"}:
            raise Malformed(f"the schedule {quote(schedule)} cannot be read at {quote(part)}")
        every = match["from"] in {"*", "?"}
        first = 0 if every else int(match["from"])
        # `5` matches one minute, `5/10` every tenth from there on.
        last = int(match["to"]) if match["to"] else end - 1 if every or match["step"] else first
        values |= set(range(first, min(last, end - 1) + 1, int(match["step"] or 1)))
    return values
