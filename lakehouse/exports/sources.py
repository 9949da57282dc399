"""Where a symbol's events come from: the lake's tables, or files of events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
from pyiceberg.catalog import Catalog

from lakehouse.exports.days import Day, ExportError, bounds, make_day
from lakehouse.progress import opened
from lakehouse.reconstruction.rows import FEED, events_of, in_units
from streaming.contracts.codec import UNREADABLE
from streaming.contracts.commands import Symbol
from streaming.contracts.events import BookEvent
from streaming.contracts.settings import Settings


def day_from_files(paths: Sequence[Path], symbol: str, date: dt.date) -> Day:
    """The day, from files with one event a line; a folder stands for its `*.events.jsonl`.

    They must reach back to the symbol's first event: else nobody knows what stood from before.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.events.jsonl")) if path.is_dir() else [path])]
    names = ", ".join(map(str, paths))
    if not files:
        raise ExportError(f"no *.events.jsonl in {names}")
    _, end = bounds(date)
    events = [event for file in files for event in _read(file, symbol)]
    if not events:
        raise ExportError(f"unknown symbol {symbol}: there is no event of it in {names}")
    events.sort(key=lambda event: event.sequence or 0)
    first = events[0].sequence or 0
    if first != 1 and events[0].event_time < end:
        raise ExportError(
            f"{names}: {symbol} begins with sequence {first}, and what stood before is not known: give the files of "
            f"the days before as well (--events can be repeated, and takes a folder)"
        )
    return make_day(symbol, date, events)


def _read(path: Path, symbol: str) -> list[BookEvent]:
    decoder: msgspec.json.Decoder[BookEvent] = msgspec.json.Decoder(BookEvent)
    named = symbol.encode()
    found = []
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if named not in line:  # decoding these would take most of the time
                    continue
                try:
                    event = decoder.decode(line)
                except UNREADABLE as error:
                    raise ExportError(f"{path}:{number}: not an event: {error}") from error
                if event.symbol == symbol and event.sequence is not None:
                    found.append(event)
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror}") from error
    return found


def day_from_lake(settings: Settings, symbol: str, date: dt.date) -> Day:
    """The day, from the lake's tables; sqlalchemy.exc.OperationalError where the catalog does not answer."""
    with opened(settings) as lake:
        return day_from_catalog(lake, symbol, date)


def day_from_catalog(lake: Catalog, symbol: str, date: dt.date) -> Day:
    """The day, from the tables of a catalog.

    Only the day is read where no order can stand from before: the market was closed last, and never took in an order
    that outlives a day. Else all before is read too.
    """
    try:
        msgspec.convert(symbol, Symbol)
    except msgspec.ValidationError as error:
        raise ExportError(f"{symbol} cannot be a symbol: those are capital letters, digits and dots") from error
    start, end = map(_moment, bounds(date))
    mine = f"symbol = '{symbol}'"
    today = f"{mine} AND event_time >= '{start}' AND event_time < '{end}'"
    if not any(_rows(lake, table, today, ("sequence",), limit=1).num_rows for table in FEED):
        if any(_rows(lake, table, mine, ("sequence",), limit=1).num_rows for table in FEED):
            raise ExportError(f"{symbol} has no events on {date}")
        raise ExportError(f"unknown symbol {symbol}: there is no event of it in the lake")
    begin = _settled(lake, f"{mine} AND event_time < '{start}'")
    where = f"{mine} AND event_time < '{end}'"
    if begin is not None:
        sequence, since = begin
        where = f"{where} AND event_time >= '{_moment(since)}' AND sequence >= {sequence}"
    events = [event for table in FEED for event in events_of(table, _rows(lake, table, where))]
    events.sort(key=lambda event: event.sequence or 0)
    return make_day(symbol, date, events, settled=begin is not None)


def _settled(lake: Catalog, before: str) -> tuple[int, int] | None:
    """Sequence and time of the status by which the market closed before the day, if nothing can stand after it."""
    lasting = f"{before} AND event = 'accepted' AND time_in_force IN ('gtc', 'gtd')"
    statuses = _rows(lake, "market_status", before, ("sequence", "session", "event_time"))
    if not statuses.num_rows or _rows(lake, "order_events", lasting, ("sequence",), limit=1).num_rows:
        return None
    last = statuses.sort_by("sequence").slice(statuses.num_rows - 1).to_pylist()[0]
    return (last["sequence"], last["event_time"]) if last["session"] == "closed" else None


def _moment(micros: int) -> str:
    moment = dt.datetime.fromtimestamp(micros // 1_000_000, dt.UTC) + dt.timedelta(microseconds=micros % 1_000_000)
    return moment.isoformat()


def _rows(
    lake: Catalog, table: str, where: str, columns: tuple[str, ...] = ("*",), limit: int | None = None
) -> pa.Table:
    """The rows of a table, with prices and times as integers."""
    scan = lake.load_table(f"market.{table}").scan(row_filter=where, selected_fields=columns, limit=limit)
    return in_units(scan.to_arrow())
