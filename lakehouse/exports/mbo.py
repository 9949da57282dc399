"""A file of market-by-order records as Databento's CSV encoding has them, prices and times as integers.

The form is of https://databento.com/docs/schemas/mbo; docs/exports.md says what becomes what.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from lakehouse.exports.days import Day, ExportError
from lakehouse.exports.output import written
from lakehouse.reconstruction.changes import Added, Change, Executed, Reduced, Traded, Update

HEADER = (
    "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,price,size,channel_id,order_id,flags,ts_in_delta,"
    "sequence,symbol\n"
)
RTYPE = 160
PUBLISHER = 0
"""None of Databento's."""
LAST, SNAPSHOT, BAD_TS_RECV = 128, 32, 8
NO_PRICE = 2**63 - 1
NANO = 100_000
"""Units of 1e-9 dollar in 1/10,000 dollar."""
LARGEST = 2**32 - 1
"""Of sizes and sequences: they have 32 bits."""


@dataclass(frozen=True, slots=True)
class Record:
    """What differs from record to record. `price` in 1/10,000 dollar, none where there is no price."""

    action: str
    side: str
    price: int | None
    size: int
    order: int
    sequence: int


def write_mbo(
    day: Day, folder: Path, *, force: bool, progress: Callable[[Iterable[Update]], Iterable[Update]] = iter
) -> tuple[Path, int]:
    """Write the file; its path, and how many records it holds.

    ExportError where it is there already and not to be overwritten by `force`, or where a number does not fit.
    """
    path = folder / f"tickhouse-{day.date:%Y%m%d}.mbo.{day.symbol}.csv"
    instrument = instrument_id(day.symbol)
    count = 0

    def line(record: Record, received: int, time: int, flags: int) -> str:
        if max(record.size, record.sequence) > LARGEST:
            raise ExportError(
                f"{day.symbol}: size {record.size} or sequence {record.sequence} does not fit the 32 bits of the format"
            )
        price = NO_PRICE if record.price is None else record.price * NANO
        return (
            f"{received}000,{time}000,{RTYPE},{PUBLISHER},{instrument},{record.action},{record.side},{price},"
            f"{record.size},0,{record.order},{flags},0,{record.sequence},{day.symbol}\n"
        )

    with written([path], force=force) as (file,):
        file.write(HEADER)
        snapshot = [(Record("R", "N", None, 0, 0, 0), day.midnight)]
        snapshot += [(_added(order), order.time) for order in day.opening]
        for number, (record, time) in enumerate(snapshot, 1):
            flags = SNAPSHOT | BAD_TS_RECV | (LAST if number == len(snapshot) else 0)
            file.write(line(record, day.midnight, time, flags))
        count += len(snapshot)
        for update in progress(day.updates):
            records = records_of(update.changes)
            for number, record in enumerate(records, 1):
                file.write(line(record, update.time, update.time, LAST if number == len(records) else 0))
            count += len(records)
    return path, count


def instrument_id(symbol: str) -> int:
    """A number of 32 bits for a symbol, the same for ever: its CRC-32."""
    return zlib.crc32(symbol.encode())


def records_of(changes: list[Change]) -> list[Record]:
    """The records that tell changes that belong together."""
    match changes:
        case [Reduced(left=0, replaced=True) as old, Added() as new] if old.order == new.order and (
            old.price != new.price or new.size > old.size
        ):
            return [replace(_added(new), action="M")]  # a reader puts it behind the others by itself
    return [record for change in changes for record in _records(change)]


def _records(change: Change) -> list[Record]:
    match change:
        case Added():
            records = [_added(change)]
            for order in change.before:  # they go behind again
                again = replace(_added(order), sequence=change.sequence)
                records += [replace(again, action="C"), again]
            return records
        case Reduced(replaced=True) if change.left:
            return [_record("M", change, change.price, change.left)]
        case Reduced():
            return [_record("C", change, change.price, change.size)]
        case Traded():
            side = {"buy": "B", "sell": "A", "none": "N"}[change.aggressor]
            return [Record("T", side, change.price, change.size, change.taker, change.sequence)]
        case Executed() if change.size:  # of hidden shares the T alone tells: each F goes with a C
            filled = _record("F", change, change.trade_price, change.size)
            return [filled, _record("C", change, change.price, change.size)]
    return []


def _added(order: Added) -> Record:
    return _record("A", order, order.price, order.size)


def _record(action: str, change: Added | Reduced | Executed, price: int, size: int) -> Record:
    return Record(action, "B" if change.buy else "A", price, size, change.order, change.sequence)
