"""Keeps the tables fast: few, sorted files instead of one for each Flink commit, and no snapshots nobody needs.

What a table needs is measured first; one that needs nothing is left alone, and costs no Spark. Spark does the work,
beside running writers: every step is an Iceberg commit that is tried again where a stream committed in between. Spark
is the only one who maintains (architecture, decision 8), one process at a time for each table.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation

from lakehouse.actions import TableActions
from lakehouse.alone import alone
from lakehouse.health import GROWN, MANY_MANIFESTS, Health, key_columns, measure
from lakehouse.progress import last_flink_snapshot, opened
from lakehouse.spark import spark_session
from lakehouse.tables import TABLES
from streaming.contracts.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

KEEP = timedelta(hours=1)
"""How long a snapshot stays for time travel."""
ORPHAN_AGE = timedelta(days=3)
"""A file that no snapshot names may belong to a commit that is under way; one this old does not."""

Session = Callable[[], "SparkSession"]
"""Makes the Spark session, where one is needed."""

log = structlog.get_logger()


class RowsChangedError(RuntimeError):
    """A rewrite did not put back what it took away. Nothing like it was ever seen; it must not pass unnoticed."""


@dataclass(frozen=True)
class CompactionReport:
    """What was done to a table, and why. Sizes in bytes; a stream that writes meanwhile adds rows and files to `after`.

    `need` is what was measured before, in words: `nothing` where the table was left alone. `delete_ratio` is deleted
    rows to rows, before.
    """

    table: str
    need: str
    rows: int
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    mean_bytes_before: int
    mean_bytes_after: int
    delete_ratio: float
    files_rewritten: int
    files_added: int
    manifests_before: int
    manifests_after: int
    snapshots_before: int
    snapshots_after: int
    orphans_removed: int
    statistics_made: bool
    seconds: float

    @property
    def rewritten(self) -> bool:
        """Whether it was worth while to rewrite anything."""
        return self.files_rewritten > 0


@dataclass
class Done:
    """What the steps did."""

    files_rewritten: int = 0
    files_added: int = 0
    orphans_removed: int = 0
    statistics_made: bool = False


def compact_all(
    settings: Settings, tables: Iterable[str] | None = None, spark: Session | None = None
) -> list[CompactionReport]:
    """`compact` for each of these tables (`namespace.table`), or for every streamed one that holds anything."""
    names = [definition.identifier for definition in TABLES] if tables is None else list(tables)
    return [compact(settings, name, spark=spark) for name in names]


def compact(
    settings: Settings,
    table: str,
    *,
    spark: Session | None = None,
    keep: timedelta = KEEP,
    orphan_age: timedelta = ORPHAN_AGE,
) -> CompactionReport:
    """Rewrite small files sorted, rewrite manifests, expire snapshots, remove orphans, count: each only where needed.

    Snapshots younger than `keep` stay, and those with a tag, and always the one that a Flink job committed last: it
    tells that job what it has written. `spark` is asked for a session only where there is something to do.
    pyiceberg.exceptions.NoSuchTableError for an unknown table, MaintenanceRunningError where somebody else is at it.
    """
    started = time.monotonic()
    done = Done()
    with opened(settings) as lake, alone(settings, table):
        now = datetime.now(UTC)
        limits = now - keep, now - orphan_age
        was = became = look(lake.load_table(table), *limits)
        if was.needs:
            session = spark() if spark else spark_session(settings, "tickhouse-maintenance")
            done = maintain(lake, table, was, TableActions(session, table), *limits)
            became = look(lake.load_table(table), *limits)
    report = CompactionReport(
        table=table,
        need=", ".join(was.needs) or "nothing",
        rows=became.rows,
        files_before=was.files,
        files_after=became.files,
        bytes_before=was.bytes,
        bytes_after=became.bytes,
        mean_bytes_before=was.mean_bytes,
        mean_bytes_after=became.mean_bytes,
        delete_ratio=round(was.delete_ratio, 4),
        manifests_before=was.manifests,
        manifests_after=became.manifests,
        snapshots_before=was.snapshots,
        snapshots_after=became.snapshots,
        seconds=round(time.monotonic() - started, 2),
        **asdict(done),
    )
    log.info("compacted", table=table, need=report.need, files_before=was.files, files_after=became.files)
    return report


def look(table: Table, old: datetime, orphaned: datetime) -> Health:
    """What the table needs, snapshots that a Flink job needs not counted."""
    return measure(table, expire_before(table, old), orphaned)


def maintain(lake: Catalog, name: str, health: Health, steps: TableActions, old: datetime, orphaned: datetime) -> Done:
    """Every step that the table needs; what rewriting left behind is looked at anew."""
    done = Done()
    table = lake.load_table(name)
    if health.scattered:
        done.files_rewritten, done.files_added = steps.rewrite_files()
        check_rows(table, table := lake.load_table(name))
        health = look(table, old, orphaned)
    if health.manifests >= MANY_MANIFESTS:
        steps.rewrite_manifests()
    if health.expirable:
        steps.expire_snapshots(expire_before(lake.load_table(name), old))
    if health.aged:
        done.orphans_removed = steps.remove_orphans(orphaned)
    if health.grown >= GROWN:
        steps.compute_statistics(key_columns(table))
        done.statistics_made = True
    return done


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
