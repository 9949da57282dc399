"""What a table needs, measured from its metadata: most tables on most nights need nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from pyarrow.fs import FileSelector, FileType
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import Table

from lakehouse.actions import WORTHWHILE
from lakehouse.tables import TARGET_FILE_BYTES

SMALL = 3 * TARGET_FILE_BYTES // 4
"""Bytes below which Iceberg takes a file for small."""
MANY_DELETES = 0.3
"""Deleted rows to rows from which files are written anew without them; Iceberg's own threshold."""
MANY_MANIFESTS = 8
GROWN = 1.1
"""Rows now to rows when statistics were made, from which they are made anew."""


@dataclass(frozen=True)
class Health:
    """A table as it is. Sizes in bytes.

    `days_in_pieces` have several small files. `expirable` snapshots are old, and no branch and no tag holds them.
    `aged` files are old enough to be orphans. `grown` is rows now to rows when statistics were made.
    """

    rows: int = 0
    files: int = 0
    bytes: int = 0
    days_in_pieces: int = 0
    delete_ratio: float = 0.0
    manifests: int = 0
    snapshots: int = 0
    expirable: int = 0
    aged: int = 0
    grown: float = 0.0

    @property
    def mean_bytes(self) -> int:
        """Bytes a file."""
        return self.bytes // self.files if self.files else 0

    @property
    def scattered(self) -> bool:
        """Whether files should be written anew."""
        return self.days_in_pieces > 0 or self.delete_ratio >= MANY_DELETES

    @property
    def needs(self) -> list[str]:
        """What there is to do, in words; nothing for a table that is well."""
        said = {
            f"days in pieces: {self.days_in_pieces}": self.days_in_pieces,
            f"rows deleted: {self.delete_ratio:.0%}": self.delete_ratio >= MANY_DELETES,
            f"manifests: {self.manifests}": self.manifests >= MANY_MANIFESTS,
            f"old snapshots: {self.expirable}": self.expirable,
            f"files old enough to be orphans: {self.aged}": self.aged,
            "statistics": self.rows and self.grown >= GROWN,
        }
        return [words for words, needed in said.items() if needed]


def measure(table: Table, expire_before: datetime, orphaned_before: datetime) -> Health:
    """The table's health: manifests are read, and the names of its files; no row is."""
    current = table.current_snapshot()
    if current is None:
        return Health()
    small: dict[str, int] = defaultdict(int)
    rows = files = size = 0
    deletes: dict[str, int] = {}
    for task in table.scan().plan_files():
        files, size, rows = files + 1, size + task.file.file_size_in_bytes, rows + task.file.record_count
        small[str(task.file.partition)] += task.file.file_size_in_bytes < SMALL
        deletes |= {file.file_path: file.record_count for file in task.delete_files}
    return Health(
        rows=rows,
        files=files,
        bytes=size,
        days_in_pieces=sum(number >= WORTHWHILE for number in small.values()),
        delete_ratio=sum(deletes.values()) / rows if rows else 0.0,
        manifests=len(current.manifests(table.io)),
        snapshots=len(table.snapshots()),
        expirable=expirable(table, expire_before),
        aged=older_files(table, orphaned_before),
        grown=growth(table, rows) if key_columns(table) else 0.0,
    )


def expirable(table: Table, before: datetime) -> int:
    """How many snapshots are older than `before`, and the end of no branch and no tag."""
    held = {reference.snapshot_id for reference in table.refs().values()}
    limit = before.timestamp() * 1000
    return sum(snapshot.timestamp_ms < limit and snapshot.snapshot_id not in held for snapshot in table.snapshots())


def older_files(table: Table, before: datetime) -> int:
    """How many files beneath the table's location are older than `before`, orphans or not."""
    scheme, place, path = PyArrowFileIO.parse_location(table.location())
    store = cast("PyArrowFileIO", table.io).fs_by_scheme(scheme, place)
    found = store.get_file_info(FileSelector(path, recursive=True, allow_not_found=True))
    return sum(info.type == FileType.File and info.mtime.astimezone(UTC) < before for info in found)


def key_columns(table: Table) -> list[str]:
    """The columns that queries join and filter by: ids, the symbol, and what the table is sorted by."""
    schema = table.schema()
    sorted_by = {field.source_id for field in table.sort_order().fields}
    return [
        field.name
        for field in schema.fields
        if field.field_type.is_primitive
        and (field.field_id in sorted_by or field.name == "symbol" or field.name.endswith("_id"))
    ]


def growth(table: Table, rows: int) -> float:
    """Rows to the rows that the newest statistics were made of; beyond any threshold where there are none."""
    made_of = 0
    for statistics in table.metadata.statistics:
        snapshot = table.snapshot_by_id(statistics.snapshot_id)
        if snapshot and snapshot.summary:
            made_of = max(made_of, int(snapshot.summary.additional_properties.get("total-records", 0)))
    return rows / made_of if made_of else float("inf")
