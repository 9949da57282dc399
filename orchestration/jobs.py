"""What is run: the nightly job, and when."""

from __future__ import annotations

from dagster import AssetSelection, DefaultScheduleStatus, ScheduleDefinition, define_asset_job, multiprocess_executor

from orchestration.defs.dbt.assets import dbt_models
from orchestration.defs.lakehouse.maintenance import compaction
from orchestration.defs.lakehouse.reference import reference_copy
from orchestration.defs.reconciliation.checks import reconciliation

# One step at a time, each in a process of its own: Spark and dbt's Spark never share the memory, and what a step took
# is given back.
one_at_a_time = multiprocess_executor.configured({"max_concurrent": 1})

nightly = define_asset_job(
    "nightly",
    selection=AssetSelection.assets(reference_copy, compaction, dbt_models)
    | AssetSelection.checks_for_assets(dbt_models)
    | AssetSelection.checks(reconciliation),
    executor_def=one_at_a_time,
    description="Reference copy, compaction, dbt models with their tests, then reconciliation.",
    tags={"tickhouse/job": "nightly"},
)

every_night = ScheduleDefinition(
    name="every_night",
    job=nightly,
    cron_schedule="0 2 * * *",
    execution_timezone="America/New_York",
    # A platform that is left running gets small files until it is compacted.
    default_status=DefaultScheduleStatus.RUNNING,
    description="At two in the morning, New York, when real markets are closed.",
)
