"""Keeps the tables fast: small files together, old snapshots gone. Spark does it, and nobody else."""

from dataclasses import asdict
from typing import Any

from dagster import (
    AssetExecutionContext,
    MaterializeResult,
    MetadataValue,
    TableColumn,
    TableRecord,
    TableSchema,
    asset,
)

from orchestration.defs.lakehouse.assets import TABLE_KEYS
from orchestration.defs.lakehouse.spark import LakeSpark
from orchestration.external import PLATFORM
from streaming.contracts.settings import settings


@asset(
    key=["lakehouse", "compaction"],
    deps=[list(key) for key in TABLE_KEYS.values()],
    group_name="lakehouse",
    kinds={"spark", "iceberg"},
    owners=PLATFORM,
    description="Writes small files anew as one, sorted; rewrites manifests, expires snapshots and removes orphans.",
)
def compaction(context: AssetExecutionContext, spark: LakeSpark) -> MaterializeResult[Any]:
    """Maintain every table that the streams write."""
    from lakehouse.maintenance import compact

    reports = []
    for table in TABLE_KEYS:
        report = compact(settings(), table, spark=spark.spark_session)
        reports.append(report)
        context.log.info(
            "%s: %d files before, %d after, %d rows, %.1f s",
            table, report.files_before, report.files_after, report.rows, report.seconds,
        )  # fmt: skip
    return MaterializeResult(
        metadata={
            "files_before": sum(report.files_before for report in reports),
            "files_after": sum(report.files_after for report in reports),
            "tables": MetadataValue.table(
                records=[TableRecord(asdict(report)) for report in reports], schema=schema(asdict(reports[0]))
            ),
        }
    )


def schema(report: dict[str, str | int | float]) -> TableSchema:
    """How Dagster shows the reports."""
    kinds = {str: "string", int: "int", float: "float"}
    return TableSchema([TableColumn(name, kinds[type(value)]) for name, value in report.items()])
