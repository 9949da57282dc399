"""The books of a whole day at regular instants: Spark SQL reads, and each symbol's events go through one book."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from lakehouse.reconstruction.answer import PriceLevel, placed, price_levels
from lakehouse.reconstruction.history import remembered
from lakehouse.reconstruction.instant import begun, gap
from lakehouse.reconstruction.store import StoreError
from streaming.contracts.events import BookEvent, BookSnapshot, MarketStatus, Side

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NEW_YORK = ZoneInfo("America/New_York")
"""A trading day is from midnight to midnight there."""
SQL = Path(__file__).with_name("sql") / "day"
COLUMNS = (
    "symbol STRING, event_time TIMESTAMP, last_sequence LONG, session STRING, halted BOOLEAN, side STRING, level INT, "
    "price DECIMAL(18,4), shown LONG, hidden LONG, orders LONG"
)
ARROW = pa.schema(
    [
        ("symbol", pa.string()),
        ("event_time", pa.timestamp("us", "UTC")),
        ("last_sequence", pa.int64()),
        ("session", pa.string()),
        ("halted", pa.bool_()),
        ("side", pa.string()),
        ("level", pa.int32()),
        ("price", pa.decimal128(18, 4)),
        ("shown", pa.int64()),
        ("hidden", pa.int64()),
        ("orders", pa.int64()),
    ]
)
SIDES: tuple[Side, ...] = ("buy", "sell")
Row = tuple[str, int, int, str, bool, str, int, int, int, int, int]
"""As `COLUMNS`, with the time in microseconds since 1970 and the price in 1/10,000 dollar."""


def day_books(
    spark: SparkSession, date: dt.date, every: dt.timedelta, *, symbol: str | None = None, levels: int = 10
) -> DataFrame:
    """The best `levels` prices of each side at regular instants of a trading day, of one symbol or of all: `COLUMNS`.

    Instants are whole multiples of `every` after midnight in New York, from the day's first event to the first instant
    that has heard its last. An empty side has no row. Computing it fails with a StoreError's words where an event is
    missing.
    """
    start, end = (dt.datetime.combine(day, dt.time(), NEW_YORK) for day in (date, date + dt.timedelta(days=1)))
    step = every // dt.timedelta(microseconds=1)
    begin = int(start.timestamp()) * 1_000_000
    named = {"symbol": symbol, "begins": start}
    ((since,),) = spark.sql((SQL / "since.sql").read_text(), args=named).collect()
    micros = dt.timedelta(microseconds=since or 0)
    named |= {"ends": end, "since": dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + micros}
    rows = spark.sql((SQL / "events.sql").read_text(), args=named)

    def replay(inside: pa.Table) -> pa.Table:
        found = list(instants(inside.to_pylist(), begin, step, levels))
        columns = [list(column) for column in zip(*found, strict=True)] or [[] for _ in ARROW]
        return pa.table([_column(*pair) for pair in zip(columns, ARROW, strict=True)], schema=ARROW)

    return rows.groupBy("symbol").applyInArrow(replay, COLUMNS)


def instants(rows: Sequence[dict[str, Any]], begin: int, step: int, levels: int) -> Iterator[Row]:
    """The prices of one symbol at each instant, from the rows of `events.sql`; StoreError where an event is missing."""
    bodies: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        bodies[row["kind"]][row["sequence"]].append(row["body"])
    told = [msgspec.json.decode(body, type=BookSnapshot) for same in bodies["book"].values() for body in same]
    parts = {part.part: part for part in told}
    symbol, base = rows[0]["symbol"], told[0].last_sequence if told else 0
    if told and len(parts) < told[0].parts:
        raise StoreError(f"{symbol}: the stored book after event {base} is not whole")
    resting = [order for _, part in sorted(parts.items()) for order in part.orders]
    statuses = [event for event in _events(bodies["status"]) if isinstance(event, MarketStatus)]
    before = remembered(_events(bodies["before"]))
    events = _events(bodies["event"])
    book = begun(base, statuses[-1] if statuses else None, resting, before)
    sequence = base
    due = None
    for number, event in enumerate(events):
        if event.sequence != sequence + 1:
            raise gap(symbol, sequence + 1, (event.sequence or 0) - 1, 0, event.event_time)
        if event.event_time >= begin and due is None:
            due = begin - (begin - event.event_time) // step * step
        while due is not None and due < event.event_time:
            book.finish()
            yield from _prices(symbol, due, sequence, book.session, book.halted, placed(book.standing()), levels)
            due += step
        book.apply(event)
        sequence = event.sequence or 0
        if number == len(events) - 1 and due is not None:
            book.finish()
            yield from _prices(symbol, due, sequence, book.session, book.halted, placed(book.standing()), levels)
    if book.doubt is not None:
        raise StoreError(f"the books of {symbol} cannot be rebuilt from what is stored: {book.doubt}")


def _events(bodies: dict[int, list[str]]) -> list[BookEvent]:
    return [msgspec.json.decode(same[0], type=BookEvent) for _, same in sorted(bodies.items())]


def _prices(
    symbol: str, time: int, sequence: int, session: str, halted: bool, orders: list[Any], levels: int
) -> Iterator[Row]:
    for side in SIDES:
        found: list[PriceLevel] = price_levels(orders, side, levels)
        for number, row in enumerate(found, 1):
            yield symbol, time, sequence, session, halted, side, number, row.price, row.shown, row.hidden, row.orders


def _column(values: list[Any], field: pa.Field) -> pa.Array:
    if pa.types.is_decimal(field.type):
        from streaming.contracts.money import to_decimal

        values = [to_decimal(value) for value in values]
    return pa.array(values, field.type)
