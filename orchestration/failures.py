"""Says what failed and what to do: in the sensor's log, and as a line of JSON for whatever watches the stack."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from dagster import DefaultSensorStatus, RunFailureSensorContext, run_failure_sensor

from streaming.contracts.settings import settings

ADVICE = {
    "lakehouse__compaction": "no row is lost; look at the error, then run `tickhouse compact`",
    "lakehouse__day_tags": "is PostgreSQL up? `tickhouse status` tells; the next reconciliation tags what is left",
    "reference_copy": "is PostgreSQL up? `tickhouse status` tells; then run `nightly` again",
    "dbt_models": "the failed model or test is named in the run; what depends on it was not built. "
    "Put it right, then run `nightly` again",
    "build_days": "the failed model or test is named in the run; put it right, then launch the day again",
    "reconciliation": "the stores differ: `tickhouse reconcile --history` tells the run, `--run N` its differences",
}
"""What to do when a step fails."""
OTHERWISE = "open the run on Dagster's page; docs/runbook.md says more"


@dataclass(frozen=True)
class FailedStep:
    """A step that failed, why in one line, and what to do. `step` is empty where the run failed before any."""

    at: str
    job: str
    run_id: str
    step: str
    error: str
    what_to_do: str


def failed_steps(job: str, run_id: str, errors: dict[str, str]) -> list[FailedStep]:
    """What there is to say of a run, by the error of each failed step."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return [
        FailedStep(now, job, run_id, step, (error.strip() or "?").splitlines()[0], ADVICE.get(step, OTHERWISE))
        for step, error in errors.items()
    ]


@run_failure_sensor(
    name="failures",
    default_status=DefaultSensorStatus.RUNNING,
    description="Says of every run that failed: job, step, error and what to do; also in dagster/failures.jsonl.",
)
def failures(context: RunFailureSensorContext) -> None:
    """One message for each step that failed."""
    errors = {
        event.step_key or "": event.step_failure_data.error_display_string
        for event in context.get_step_failure_events()
    }
    run = context.dagster_run
    told = failed_steps(run.job_name, run.run_id, errors or {"": context.failure_event.message or ""})
    file = settings().home / "dagster" / "failures.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        for one in told:
            context.log.error("%s, step %s: %s. What to do: %s", one.job, one.step, one.error, one.what_to_do)
            lines.write(json.dumps(asdict(one)) + "\n")
