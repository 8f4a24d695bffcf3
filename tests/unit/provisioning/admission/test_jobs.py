from typing import Any

import pytest

from coppice.manifests.fields import Malformed
from provisioning.admission.jobs import starts_a_day
from tests.unit.provisioning.admission.conftest import Check


def cron_job(name: str, schedule: str = "* * * * *", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {"schedule": schedule, **spec},
    }


def test_four_hundred_cron_jobs_that_start_every_minute_are_refused(check: Check) -> None:
    reason = check.of(*(cron_job(f"c{number}") for number in range(400)))
    assert "overlay: has 400 CronJobs; at most 20 are let through" in reason
    assert "overlay: its CronJobs start 576000 times a day; at most 2000 are let through" in reason


def test_twenty_cron_jobs_pass_that_start_now_and_then(check: Check) -> None:
    assert check.of(*(cron_job(f"c{number}", "*/15 * * * *") for number in range(20))) == ""
    idle = (cron_job(f"c{number}", suspend=True) for number in range(20))
    assert check.of(*idle) == ""


def test_fifty_jobs_pass_and_one_more_does_not(check: Check) -> None:
    jobs = [{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": f"j{n}"}} for n in range(51)]
    assert check.of(*jobs[:50]) == ""
    assert "overlay: has 51 Jobs" in check.of(*jobs)


@pytest.mark.parametrize(
    ("schedule", "starts"),
    [
        ("* * * * *", 1440),
        ("0 3 * * *", 1),
        ("*/20 */6 1 1 *", 12),
        ("0,30 8-17 * * MON-FRI", 20),
        ("5/10 0 * * *", 6),
        ("0-10/5 ? * * 1", 72),
        ("@hourly", 24),
        ("@monthly", 1),
    ],
)
def test_a_schedule_is_read_as_a_number_of_starts(schedule: str, starts: int) -> None:
    assert starts_a_day(schedule) == starts


@pytest.mark.parametrize("schedule", ["", "@every 1s", "* * * *", "*/0 * * * *", "x * * * *", "* " * 5000])
def test_a_schedule_that_cannot_be_read_is_refused_as_one(check: Check, schedule: str) -> None:
    with pytest.raises(Malformed):
        starts_a_day(schedule)
    assert "CronJob c: the schedule " in check.of(cron_job("c", schedule))


def test_a_job_ends_within_a_day(check: Check) -> None:
    assert check("batch/v1", "Job", spec={"activeDeadlineSeconds": 86_400}) == ""
    assert "is more than a Job may take" in check("batch/v1", "Job", spec={"activeDeadlineSeconds": 86_401})
    spec = {"schedule": "@daily", "jobTemplate": {"spec": {"activeDeadlineSeconds": 86_401}}}
    assert "is more than a Job may take" in check("batch/v1", "CronJob", spec=spec)


def test_a_cron_job_leaves_few_jobs_behind(check: Check) -> None:
    reason = check.of(cron_job("c", successfulJobsHistoryLimit=100_000))
    assert "its successfulJobsHistoryLimit 100000 is more than 10" in reason


@pytest.mark.parametrize("field", ["managedBy", "manualSelector", "selector"])
def test_a_job_is_nobody_elses(check: Check, field: str) -> None:
    value: object = {"managedBy": "x.example/y", "manualSelector": True, "selector": {}}[field]
    assert f"spec.{field} is not let through" in check("batch/v1", "Job", spec={field: value})
