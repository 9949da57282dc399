"""Iceberg's maintenance actions on one table, through Spark's JVM; tried again where a stream committed first."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

from lakehouse.catalog import CATALOG
from lakehouse.files import on_s3

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WORTHWHILE = 2
"""Files of one day from which they are written anew as one."""


CONFLICTS = (
    "CommitFailedException",
    "CommitStateUnknownException",
    # Of a manifest: a stream's commit merged it with others, while it was rewritten here.
    "could not be found in the latest snapshot",
)


def conflict(error: BaseException) -> bool:
    """Whether a commit lost to another writer more often than Iceberg itself tries again."""
    return any(told in str(error) for told in CONFLICTS)


again = retry(
    retry=retry_if_exception(conflict),
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(multiplier=0.5, max=10),
    reraise=True,
)


class TableActions:
    """The actions on `table` (`namespace.table`).

    Called as Java, not as SQL: Iceberg's CALL takes no bound parameters. py4j.protocol.Py4JJavaError where one fails.
    """

    def __init__(self, spark: SparkSession, table: str) -> None:
        self._spark = spark
        self._name = f"{CATALOG}.{table}"

    @again
    def rewrite_files(self) -> tuple[int, int]:
        """Sort small files into large ones, day by day, where there are enough; how many were read and written."""
        action = self._actions().rewriteDataFiles(self._table()).sort()
        options = {
            "min-input-files": str(WORTHWHILE),
            # One day at a time, each day its own commit: little memory, and a conflict costs one day's work.
            "max-concurrent-file-group-rewrites": "1",
            "partial-progress.enabled": "true",
        }
        for name, value in options.items():
            action = action.option(name, value)
        result = action.execute()
        return int(result.rewrittenDataFilesCount()), int(result.addedDataFilesCount())

    @again
    def rewrite_manifests(self) -> int:
        """Merge manifests, so that planning a query reads few; how many there were."""
        result = self._actions().rewriteManifests(self._table()).execute()
        return sum(1 for _ in result.rewrittenManifests())

    @again
    def expire_snapshots(self, before: datetime) -> None:
        """Forget snapshots older than `before`, and delete what only they used.

        The current one always stays, and one with a tag until the tag is too old.
        """
        self._actions().expireSnapshots(self._table()).expireOlderThan(millis(before)).retainLast(1).execute()

    @again
    def remove_orphans(self, before: datetime) -> int:
        """Delete files older than `before` that no snapshot names; how many.

        Flink names files file:/…, Trino file:///…: Iceberg compares the paths, and stops at any other difference.
        """
        table = self._table()
        action = self._actions().deleteOrphanFiles(table).olderThan(millis(before))
        if on_s3(table.location()):
            action = action.usePrefixListing(True)  # Hadoop, which lists otherwise, knows no s3 here.
        result = action.execute()
        return sum(1 for _ in result.orphanFileLocations())

    @again
    def compute_statistics(self, columns: list[str]) -> None:
        """Count the distinct values of these columns, for whoever plans joins: Trino reads it beside the table."""
        java: Any = self._spark._jvm
        gateway: Any = self._spark._sc._gateway
        strings = gateway.new_array(java.java.lang.String, len(columns))
        for number, name in enumerate(columns):
            strings[number] = name
        self._actions().computeTableStats(self._table()).columns(strings).execute()

    def _actions(self) -> Any:
        return self._java().spark.actions.SparkActions.get(self._spark._jsparkSession)

    def _table(self) -> Any:
        return self._java().spark.Spark3Util.loadIcebergTable(self._spark._jsparkSession, self._name)

    def _java(self) -> Any:
        jvm: Any = self._spark._jvm
        return jvm.org.apache.iceberg


def millis(when: datetime) -> int:
    """Milliseconds since the Unix epoch."""
    return int(when.timestamp() * 1000)
