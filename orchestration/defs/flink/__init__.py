"""The Flink jobs, and how they are."""

from dagster import Definitions

from orchestration.defs.flink.assets import JOB_SPECS
from orchestration.defs.flink.sensors import flink_progress

definitions = Definitions(assets=JOB_SPECS, sensors=[flink_progress])
