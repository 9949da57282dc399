"""A run that failed is told with job, step, error and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dagster import DagsterInstance, Failure, build_run_status_sensor_context, job, op

from orchestration.failures import ADVICE, OTHERWISE, failed_steps, failures
from streaming.contracts.settings import settings


@op
def reconciliation() -> None:
    """Fails as the stores' differences do."""
    raise Failure("The stores differ: trades\nand more", allow_retries=False)


@job
def nightly() -> None:
    """One step."""
    reconciliation()


def test_a_failed_step_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKHOUSE_HOME", str(tmp_path))
    settings.cache_clear()
    with DagsterInstance.ephemeral() as instance:
        run = nightly.execute_in_process(instance=instance, raise_on_error=False)
        event = next(event for event in run.all_events if event.event_type_value == "PIPELINE_FAILURE")
        context = build_run_status_sensor_context("failures", event, instance, run.dagster_run).for_run_failure()
        failures(context)
    settings.cache_clear()
    (line,) = (tmp_path / "dagster" / "failures.jsonl").read_text(encoding="utf-8").splitlines()
    told = json.loads(line)
    assert (told["job"], told["run_id"], told["step"]) == ("nightly", run.run_id, "reconciliation")
    assert "The stores differ: trades" in told["error"]
    assert told["what_to_do"] == ADVICE["reconciliation"]


def test_an_unknown_step_is_told_with_the_way_to_its_log() -> None:
    (told,) = failed_steps("nightly", "1", {"new_step": "first line\nsecond line"})
    assert (told.error, told.what_to_do) == ("first line", OTHERWISE)
