"""Keeps the tables fast: few, sorted files instead of one for each Flink commit, and no snapshots nobody needs.

Spark does the work, beside running writers: every step is an Iceberg commit that is tried again where a stream
committed in between. Spark is the only one who maintains (architecture, decision 8).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation

from lakehouse.actions import TableActions
from lakehouse.progress import last_flink_snapshot, opened, state
from lakehouse.spark import spark_session
from lakehouse.tables import TABLES
from streaming.contracts.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

KEEP = timedelta(hours=1)
"""How long a snapshot stays for time travel."""
ORPHAN_AGE = timedelta(days=3)
"""A file that no snapshot names may belong to a commit that is under way; one this old does not."""
MANY_MANIFESTS = 8

log = structlog.get_logger()


class RowsChangedError(RuntimeError):
    """A rewrite did not put back what it took away. Nothing like it was ever seen; it must not pass unnoticed."""


@dataclass(frozen=True)
class CompactionReport:
    """What was done to a table. Sizes in bytes; a stream that writes meanwhile adds rows and files to `after`."""

    table: str
    rows: int
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    files_rewritten: int
    files_added: int
    manifests_rewritten: int
    snapshots_before: int
    snapshots_after: int
    orphans_removed: int
    seconds: float

    @property
    def rewritten(self) -> bool:
        """Whether it was worth while to rewrite anything."""
        return self.files_rewritten > 0


def compact_all(
    settings: Settings, tables: Iterable[str] | None = None, spark: SparkSession | None = None
) -> list[CompactionReport]:
    """`compact` for each of these tables (`namespace.table`), or for every streamed one that holds anything."""
    names = [definition.identifier for definition in TABLES] if tables is None else list(tables)
    return [compact(settings, name, spark=spark) for name in names]


def compact(
    settings: Settings,
    table: str,
    *,
    spark: SparkSession | None = None,
    keep: timedelta = KEEP,
    orphan_age: timedelta = ORPHAN_AGE,
) -> CompactionReport:
    """Rewrite small files sorted, rewrite manifests, expire snapshots, remove orphans: each only where worthwhile.

    pyiceberg.exceptions.NoSuchTableError for an unknown table. Snapshots younger than `keep` stay, and always the one
    that a Flink job committed last: it tells that job what it has written.
    """
    started = time.monotonic()
    with opened(settings) as lake:
        before = lake.load_table(table)
        if before.current_snapshot() is None:
            return CompactionReport(table, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0)
        session = spark or spark_session(settings, "tickhouse-maintenance")
        now = datetime.now(UTC)
        steps = TableActions(session, table)
        rewritten, added = steps.rewrite_files()
        check_rows(before, after := lake.load_table(table))
        manifests = steps.rewrite_manifests() if manifest_count(after) >= MANY_MANIFESTS else 0
        steps.expire_snapshots(expire_before(lake.load_table(table), now - keep))
        orphans = steps.remove_orphans(now - orphan_age)
        after = lake.load_table(table)
    was, became = state(table, before), state(table, after)
    report = CompactionReport(
        table=table,
        rows=became.rows,
        files_before=was.files,
        files_after=became.files,
        bytes_before=was.bytes,
        bytes_after=became.bytes,
        files_rewritten=rewritten,
        files_added=added,
        manifests_rewritten=manifests,
        snapshots_before=len(before.snapshots()),
        snapshots_after=len(after.snapshots()),
        orphans_removed=orphans,
        seconds=round(time.monotonic() - started, 2),
    )
    log.info("compacted", table=table, files_before=was.files, files_after=became.files, rows=became.rows)
    return report


def check_rows(before: Table, after: Table) -> None:
    """RowsChangedError where a rewrite since `before` removed another number of rows than it added."""
    known = {snapshot.snapshot_id for snapshot in before.snapshots()}
    for snapshot in after.snapshots():
        if snapshot.snapshot_id in known or not snapshot.summary or snapshot.summary.operation != Operation.REPLACE:
            continue
        numbers = snapshot.summary.additional_properties
        added, deleted = int(numbers.get("added-records", 0)), int(numbers.get("deleted-records", 0))
        if added != deleted:
            name = ".".join(after.name())
            raise RowsChangedError(f"{name}: snapshot {snapshot.snapshot_id} took {deleted} rows and put back {added}")


def expire_before(table: Table, wished: datetime) -> datetime:
    """The time before which snapshots may go: never that of a Flink job's last commit, nor later."""
    last = last_flink_snapshot(table)
    return min(wished, datetime.fromtimestamp(last.timestamp_ms / 1000, UTC)) if last else wished


def manifest_count(table: Table) -> int:
    """How many manifests the current snapshot is made of."""
    snapshot = table.current_snapshot()
    return len(snapshot.manifests(table.io)) if snapshot else 0
