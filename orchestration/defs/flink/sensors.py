"""Tells Dagster how the Flink jobs get on."""

from __future__ import annotations

from typing import Any

from dagster import DefaultSensorStatus, SensorEvaluationContext, SensorResult, SkipReason, sensor

from orchestration.changes import changed
from orchestration.defs.flink.assets import ANALYTICS, RAW, SURVEILLANCE
from orchestration.external import wrote
from streaming.contracts.settings import Settings, settings

JOBS = {"tickhouse-raw": RAW, "tickhouse-analytics": ANALYTICS, "tickhouse-surveillance": SURVEILLANCE}
"""The asset of each job, by Flink's name of it."""


def job_states(settings: Settings) -> dict[str, dict[str, Any]]:
    """State, start, and completed and failed checkpoints of each of our jobs; httpx.HTTPError without an answer."""
    import httpx

    with httpx.Client(base_url=settings.flink, timeout=10) as flink:
        jobs = flink.get("/jobs/overview").raise_for_status().json()["jobs"]
        newest = {job["name"]: job for job in sorted(jobs, key=lambda job: job["start-time"]) if job["name"] in JOBS}
        found = {}
        for name, job in newest.items():
            counts = flink.get(f"/jobs/{job['jid']}/checkpoints").raise_for_status().json()["counts"]
            found[name] = {
                "job_id": job["jid"],
                "state": job["state"],
                "checkpoints": counts["completed"],
                "failed_checkpoints": counts["failed"],
                "restored": counts["restored"],
            }
        return found


@sensor(
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="Reports each Flink job that completed checkpoints: its state, and how many.",
)
def flink_progress(context: SensorEvaluationContext) -> SensorResult | SkipReason:
    """One materialisation for each job that has completed a checkpoint since."""
    import httpx

    try:
        jobs = job_states(settings())
    except httpx.HTTPError as error:
        return SkipReason(f"Flink does not answer: {error}")
    known = {name: f"{job['job_id']} {job['checkpoints']}" for name, job in jobs.items() if job["checkpoints"]}
    names, cursor = changed(context.cursor, known)
    return SensorResult(asset_events=[wrote(JOBS[name], jobs[name]) for name in names], cursor=cursor)
