"""Keeps the tables fast: small files together, old snapshots gone. Spark does it, and nobody else."""

from dataclasses import asdict
from typing import Any

from dagster import (
    AssetExecutionContext,
    Failure,
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
from orchestration.steps import NIGHTLY, RETRIES, SPARK
from streaming.contracts.settings import settings


@asset(
    key=["lakehouse", "compaction"],
    deps=[list(key) for key in TABLE_KEYS.values()],
    group_name="lakehouse",
    kinds={"spark", "iceberg"},
    owners=PLATFORM,
    pool=SPARK,
    retry_policy=RETRIES,
    freshness_policy=NIGHTLY,
    description="Writes small files anew as one, sorted; rewrites manifests, expires snapshots, removes orphans, "
    "counts distinct values: each where a table is measured to need it. Lets go of marts' versions "
    "older than a week.",
)
def compaction(context: AssetExecutionContext, spark: LakeSpark) -> MaterializeResult[Any]:
    """Maintain every table that the streams write and that needs it, and let go of old versions of the marts."""
    from lakehouse.alone import MaintenanceRunningError
    from lakehouse.maintenance import compact
    from lakehouse.marts import tidy
    from lakehouse.publication import BeingBuiltError

    reports = []
    for table in TABLE_KEYS:
        try:
            report = compact(settings(), table, spark=lambda: spark.spark_session)
        except MaintenanceRunningError as error:
            raise Failure(str(error)) from error
        reports.append(report)
        context.log.info(
            "%s needed %s: %d files before, %d after, %d rows, %.1f s",
            table, report.need, report.files_before, report.files_after, report.rows, report.seconds,
        )  # fmt: skip
    try:
        marts = tidy(settings(), lambda: spark.spark_session)
    except BeingBuiltError as error:
        raise Failure(str(error)) from error
    return MaterializeResult(
        metadata={
            "mart_versions_expired": sum(mart.expired for mart in marts),
            "mart_orphans_removed": sum(mart.orphans_removed for mart in marts),
            "files_before": sum(report.files_before for report in reports),
            "files_after": sum(report.files_after for report in reports),
            "mean_bytes_before": mean([(report.bytes_before, report.files_before) for report in reports]),
            "mean_bytes_after": mean([(report.bytes_after, report.files_after) for report in reports]),
            "snapshots_before": sum(report.snapshots_before for report in reports),
            "snapshots_after": sum(report.snapshots_after for report in reports),
            "orphans_removed": sum(report.orphans_removed for report in reports),
            "left_alone": sum(report.need == "nothing" for report in reports),
            "tables": MetadataValue.table(
                records=[TableRecord(asdict(report)) for report in reports], schema=schema(asdict(reports[0]))
            ),
        }
    )


def mean(sizes: list[tuple[int, int]]) -> int:
    """Bytes a file, of (bytes, files) of each table."""
    files = sum(number for _, number in sizes)
    return sum(size for size, _ in sizes) // files if files else 0


def schema(report: dict[str, str | int | float | bool]) -> TableSchema:
    """How Dagster shows the reports."""
    kinds = {str: "string", int: "int", float: "float", bool: "bool"}
    return TableSchema([TableColumn(name, kinds[type(value)]) for name, value in report.items()])
