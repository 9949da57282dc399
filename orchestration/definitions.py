"""Everything that Dagster knows of the platform, put together."""

from __future__ import annotations

from dagster import Definitions

from orchestration.defs import dbt, flink, kafka, lakehouse, matching, postgres, reconciliation, simulators, superset
from orchestration.failures import failures
from orchestration.jobs import every_night, nightly, one_at_a_time

SYSTEMS = (simulators, kafka, matching, flink, lakehouse, postgres, dbt, reconciliation, superset)

definitions = Definitions.merge(
    *(system.definitions for system in SYSTEMS),
    Definitions(jobs=[nightly], schedules=[every_night], sensors=[failures], executor=one_at_a_time),
)
