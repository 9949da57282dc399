"""The lake's tables of the market as one commit left them, opened with as little as can be.

The catalog is one row a table in PostgreSQL: asking for it directly, instead of by PyIceberg's catalog, spares a
second of imports. Commit time is kept apart from market time: `as_of` says which state of the tables to read, and the
rows tell the market's time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pyarrow as pa
from psycopg import sql
from pyiceberg.expressions import BooleanExpression
from pyiceberg.table import StaticTable, Table
from pyiceberg.table.snapshots import Snapshot

from lakehouse.files import file_options
from lakehouse.reconstruction.rows import FEED, in_units
from streaming.contracts.settings import Settings

CATALOG, NAMESPACE = "lake", "market"
NEEDED = (*FEED, "book_snapshots", "prices")
LOCATIONS = Path(__file__).with_name("sql") / "metadata_locations.sql"
CONNECT_SECONDS = 5


class StoreError(Exception):
    """Why there is no book, in words for whoever asked for it."""


@dataclass(frozen=True)
class State:
    """Which state of a table is read: an Iceberg snapshot, and when it was committed, in milliseconds since 1970."""

    snapshot_id: int
    committed: int


class Store:
    """The tables, as they are or as they were."""

    def __init__(self, tables: Mapping[str, Table], as_of: str | None = None) -> None:
        """`as_of` is the id of an Iceberg snapshot, or a tag.

        An id is of one table; the others are read as they were when it was committed. StoreError where there is none.
        """
        if missing := [name for name in NEEDED if name not in tables]:
            raise StoreError(f"there is no table {NAMESPACE}.{missing[0]}: `tickhouse tables` lists what there is")
        self._tables = tables
        found = {name: table.current_snapshot() for name, table in tables.items()}
        if as_of is not None:
            found = _by_id(tables, int(as_of)) if as_of.isdecimal() else _by_tag(tables, as_of)
        self._snapshots = found

    @property
    def states(self) -> dict[str, State | None]:
        """What is read of each table; None for a table that was empty."""
        return {name: _state(snapshot) for name, snapshot in sorted(self._snapshots.items())}

    def rows(
        self, table: str, where: BooleanExpression, columns: Iterable[str] = ("*",), *, limit: int | None = None
    ) -> pa.Table:
        """The rows of a table, in no order, with prices in 1/10,000 dollar and times in microseconds since 1970."""
        snapshot = self._snapshots[table]
        found = self._tables[table].scan(
            row_filter=where,
            selected_fields=tuple(columns),
            limit=limit,
            snapshot_id=None if snapshot is None else snapshot.snapshot_id,
        )
        if snapshot is None:
            return in_units(found.projection().as_arrow().empty_table())
        return in_units(found.to_arrow())


def open_store(settings: Settings, as_of: str | None = None) -> Store:
    """The store.

    psycopg.OperationalError where the catalog does not answer; StoreError where a table or what `as_of` names is not
    there.
    """
    with psycopg.connect(settings.postgres("lake"), connect_timeout=CONNECT_SECONDS) as connection:
        try:
            rows = connection.execute(
                sql.SQL(LOCATIONS.read_text()),
                {"catalog": CATALOG, "namespace": NAMESPACE, "tables": list(NEEDED)},
            ).fetchall()
        except psycopg.errors.UndefinedTable as error:
            raise StoreError("the lake has no tables yet: `tickhouse up tables` makes them") from error
    options = file_options(settings)
    try:
        tables = {name: StaticTable.from_metadata(location, options) for name, location in rows}
    except OSError as error:
        raise StoreError(f"the lake's files cannot be read: {error}") from error
    return Store(tables, as_of)


def _by_id(tables: Mapping[str, Table], snapshot_id: int) -> dict[str, Snapshot | None]:
    found = [table.snapshot_by_id(snapshot_id) for table in tables.values()]
    times = [snapshot.timestamp_ms for snapshot in found if snapshot is not None]
    if not times:
        raise StoreError(f"no table has a snapshot {snapshot_id}: it may have been expired")
    return {
        name: table.snapshot_by_id(snapshot_id) or table.snapshot_as_of_timestamp(times[0])
        for name, table in tables.items()
    }


def _by_tag(tables: Mapping[str, Table], tag: str) -> dict[str, Snapshot | None]:
    found = {name: table.snapshot_by_name(tag) for name, table in tables.items()}
    missing = [name for name, table in tables.items() if found[name] is None and table.current_snapshot() is not None]
    if missing or not any(found.values()):  # what was never written has no tag
        whose = f"{NAMESPACE}.{missing[0]} has no snapshot" if any(found.values()) else "no table has a snapshot"
        known = sorted({name for table in tables.values() for name in table.metadata.refs})
        raise StoreError(f"{whose} with the tag {tag}; there are: {', '.join(known) or 'none'}")
    return dict(found)


def _state(snapshot: Snapshot | None) -> State | None:
    return None if snapshot is None else State(snapshot.snapshot_id, snapshot.timestamp_ms)
