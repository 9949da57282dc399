"""What the lake holds, read with PyIceberg."""

from __future__ import annotations

from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy.exc
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table

from lakehouse.catalog import catalog
from lakehouse.tables import TABLES
from orchestration.reconciliation.model import UnreachableError
from orchestration.reconciliation.rows import COUNTS, PLACE, fields, largest, with_place
from streaming.contracts.money import PRICE_UNIT
from streaming.contracts.settings import Settings
from streaming.contracts.topics import Topic

BARS = next(table.identifier for table in TABLES if table.name == "bars_1m")


class Lake:
    """The tables of topics. A table is read as of its newest snapshot, anew at each call."""

    def __init__(self, settings: Settings) -> None:
        try:
            self._catalog = catalog(settings)
        except sqlalchemy.exc.OperationalError as error:
            raise UnreachableError(f"The lake's catalog in PostgreSQL: {error.orig}") from error
        self._where = settings.warehouse_uri

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._catalog.close()

    def places(self, topic: Topic) -> tuple[int | None, dict[int, int]]:
        """The newest snapshot's id, and the last offset in the table of each partition."""
        table = self._table(topic)
        snapshot = table.current_snapshot()
        found = table.scan(selected_fields=PLACE).to_arrow()
        return (snapshot.snapshot_id if snapshot else None), largest(found, *PLACE)

    def snapshot_id(self, topic: Topic) -> int | None:
        """The newest snapshot's id."""
        snapshot = self._table(topic).current_snapshot()
        return snapshot.snapshot_id if snapshot else None

    def rows(self, topic: Topic) -> pa.Table:
        """The whole table, in the same form as Kafka's rows."""
        schema = with_place(fields(topic.item))
        found = self._table(topic).scan(selected_fields=tuple(schema.names)).to_arrow()
        return pa.table([whole(found[column.name], column.type) for column in schema], schema=schema)

    def counts(self, topic: Topic) -> pa.Table:
        """How many rows the table has of each message, in the same form as Kafka's counts."""
        found = self._table(topic).scan(selected_fields=PLACE).to_arrow()
        counts = found.group_by(list(PLACE)).aggregate([([], "count_all")])
        return counts.rename_columns([*PLACE, "items"]).select(COUNTS.names).cast(COUNTS)

    def bars(self, columns: tuple[str, ...], before: int) -> pa.Table:
        """These columns of the bars of the minutes before `before` (microseconds), as whole numbers."""
        found = self._load(BARS).scan(selected_fields=columns).to_arrow()
        kinds = [(name, pa.string() if name == "symbol" else pa.int64()) for name in columns]
        rows = pa.table([whole(found[name], kind) for name, kind in kinds], schema=pa.schema(kinds))
        return rows.filter(pc.less(rows["event_time"], before))

    def _table(self, topic: Topic) -> Table:
        return self._load(next(table.identifier for table in TABLES if table.topic is topic))

    def _load(self, identifier: str) -> Table:
        try:
            return self._catalog.load_table(identifier)
        except (NoSuchTableError, sqlalchemy.exc.OperationalError, sqlalchemy.exc.ProgrammingError, OSError) as error:
            raise UnreachableError(f"Iceberg table {identifier} in {self._where}: {error}") from error


def whole(values: pa.ChunkedArray, kind: Any) -> pa.ChunkedArray:
    """Decimals of dollars as whole 1/10,000 dollars, times as microseconds; pa.ArrowInvalid where that is not exact."""
    if pa.types.is_decimal(values.type):
        wide = values.cast(pa.decimal128(30, 4))
        values = pc.multiply(wide, pa.scalar(Decimal(PRICE_UNIT), pa.decimal128(5, 0)))
    return values.cast(kind)
