"""The Iceberg tables, their maintenance, and the copy of the reference data."""

from dagster import Definitions

from orchestration.defs.lakehouse.assets import TABLE_SPECS
from orchestration.defs.lakehouse.maintenance import compaction
from orchestration.defs.lakehouse.reference import reference_copy
from orchestration.defs.lakehouse.sensors import lake_progress
from orchestration.defs.lakehouse.spark import LakeSpark
from orchestration.defs.lakehouse.tags import day_tags, tags_after_reconciliation

definitions = Definitions(
    assets=[*TABLE_SPECS, compaction, reference_copy, day_tags],
    sensors=[lake_progress, tags_after_reconciliation],
    resources={"spark": LakeSpark(spark_config={})},
)
