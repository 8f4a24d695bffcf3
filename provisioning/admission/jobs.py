"""Jobs end, and an environment starts only so many: a budget for all of its CronJobs together.

Quotas count what stands. Four hundred CronJobs that start every minute fit into each of them, and keep the
scheduler and the controllers of the whole cluster busy.
"""

import re
from collections.abc import Iterator, Sequence

from coppice.manifests.fields import Fields, Malformed, kind_id, mapping, shown, string
from coppice.manifests.rejection import Refusal
from provisioning.admission.policy import AdmissionPolicy

CRON_JOBS = 20
STARTS = 2_000  # a day, of all CronJobs together; one a minute are 1440
JOBS = 50
LONGEST = 86_400  # seconds that a Job may run
HISTORY = 10

# Where a kind keeps what it says of its Jobs.
_PATHS = {
    "batch/Job": ("spec",),
    "batch/CronJob": ("spec", "jobTemplate", "spec"),
    "keda.sh/ScaledJob": ("spec", "jobTargetRef"),
}
# https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
_SHORT = {
    "@annually": 1,
    "@daily": 1,
    "@hourly": 24,
    "@midnight": 1,
    "@monthly": 1,
    "@weekly": 1,
    "@yearly": 1,
}
_PART = re.compile(r"(?P<from>\*|\?|[0-9]{1,2})(-(?P<to>[0-9]{1,2}))?(/(?P<step>[0-9]{1,2}))?")


def refusals(obj: Fields, _rules: AdmissionPolicy) -> Iterator[str]:
    """What stands against one Job, CronJob or ScaledJob."""
    kind = kind_id(obj)
    if kind not in _PATHS:
        return
    seconds = mapping(obj, *_PATHS[kind]).get("activeDeadlineSeconds")
    if isinstance(seconds, int) and seconds > LONGEST:
        yield f"its activeDeadlineSeconds {seconds} is more than a Job may take here: {LONGEST}"
    for field in ("failedJobsHistoryLimit", "successfulJobsHistoryLimit"):
        kept = mapping(obj, "spec").get(field)
        if isinstance(kept, int) and kept > HISTORY:
            yield f"its {field} {kept} is more than {HISTORY}"
    if kind == "batch/CronJob":
        starts_a_day(string(mapping(obj, "spec"), "schedule"))


def beyond_budget(objects: Sequence[Fields]) -> Iterator[Refusal]:
    """What stands against the Jobs and CronJobs of an environment together.

    Args:
        objects: all of its objects, whose fields are of the types that they should have.
    """
    cron = [obj for obj in objects if kind_id(obj) == "batch/CronJob"]
    jobs = sum(1 for obj in objects if kind_id(obj) == "batch/Job")
    if jobs > JOBS:
        yield Refusal("overlay", f"has {jobs} Jobs; at most {JOBS} are let through")
    if len(cron) > CRON_JOBS:
        yield Refusal("overlay", f"has {len(cron)} CronJobs; at most {CRON_JOBS} are let through")
    specs = [mapping(obj, "spec") for obj in cron]
    starts = sum(starts_a_day(string(spec, "schedule")) for spec in specs if not spec.get("suspend"))
    if starts > STARTS:
        yield Refusal("overlay", f"its CronJobs start {starts} times a day; at most {STARTS} are let through")


def starts_a_day(schedule: str) -> int:
    """How often a CronJob starts on a day on which it does.

    Raises:
        Malformed: it is no schedule of five fields, nor one of the words for such.
    """
    if schedule in _SHORT:
        return _SHORT[schedule]
    fields = schedule.split()
    if len(schedule) > 200 or len(fields) != 5:
        raise Malformed(
            f"the schedule {shown(schedule)} must be five fields, as `0 3 * * *` is, or @hourly, @daily, …"
        )
    return len(_set(fields[0], 60, schedule)) * len(_set(fields[1], 24, schedule))


def _set(field: str, end: int, schedule: str) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None or match["step"] in {"0", "00"}:
            raise Malformed(f"the schedule {shown(schedule)} cannot be read at {shown(part)}")
        every = match["from"] in {"*", "?"}
        first = 0 if every else int(match["from"])
        # `5` is one minute, `5/10` all of them from there on.
        last = int(match["to"]) if match["to"] else end - 1 if every or match["step"] else first
        found |= set(range(first, min(last, end - 1) + 1, int(match["step"] or 1)))
    return found
