"""How fast the book of an instant is read from the lake: `python benchmarks/reconstruction.py --days 21`.

Needs PostgreSQL and empty tables (`tickhouse up tables`, in a home of its own). A simulated history goes straight into
Iceberg as compaction leaves it, a sorted file a day, with the books that the engine would tell; a second run finds it
there. Then random instants are asked for, by market time and by sequence, each reading the files anew.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import Table
from rich.console import Console
from rich.table import Table as Grid

from lakehouse.catalog import catalog
from lakehouse.reconstruction.instant import book_after, book_at
from lakehouse.reconstruction.rows import FEED
from lakehouse.reconstruction.store import open_store
from lakehouse.tables import MARKET
from simulators.calendar import last_complete_trading_day
from simulators.history import generate
from simulators.runs import DayFiles, make_run
from simulators.settings import simulator_settings
from streaming.contracts.codec import decode_command
from streaming.contracts.commands import Clock, SetSession
from streaming.contracts.events import BookEvent, BookSnapshot, MarketStatus, Trade
from streaming.contracts.settings import Settings, settings
from streaming.matching.exchange import Exchange
from streaming.matching.host import Pace

ROW_GROUP = 5_000
"""Rows in a row group, about what the tables' own limit in bytes gives."""
MINUTE = 60_000_000
UNIT = pa.scalar(pc.cast(pa.scalar("0.0001"), pa.decimal128(5, 4)))


def main() -> None:
    """Fill the lake, ask, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=21)
    parser.add_argument("--instants", type=int, default=200)
    parser.add_argument("--commands", type=int, default=10, help="how many whole `tickhouse book` commands to time")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    configuration = settings()
    fill(configuration, options.days)
    symbols = spans(configuration)
    chance = random.Random(options.seed)
    grid = Grid(title=f"One book of {len(symbols)} symbols, {options.days} days")
    for name in ("asked for", "times", "median", "p95", "slowest"):
        grid.add_column(name, justify="left" if name == "asked for" else "right")
    names = sorted(symbols)

    def by_time() -> None:
        symbol = chance.choice(names)
        first, last, _ = symbols[symbol]
        book_at(open_store(configuration), symbol, chance.randint(first, last))

    def by_sequence() -> None:
        symbol = chance.choice(names)
        book_after(open_store(configuration), symbol, chance.randint(1, symbols[symbol][2]))

    def by_command() -> None:
        symbol = chance.choice(names)
        first, last, _ = symbols[symbol]
        at = str(chance.randint(first, last))
        command = [str(Path(sys.executable).with_name("tickhouse")), "book", symbol, "--at", at, "--level", "3"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    for what, ask, count in (
        ("a market time, in Python", by_time, options.instants),
        ("a sequence, in Python", by_sequence, options.instants),
        ("a market time, the whole command", by_command, options.commands),
    ):
        grid.add_row(what, str(count), *(f"{seconds:.3f} s" for seconds in timed(ask, count)))
    Console(width=100).print(grid)


def timed(ask: Callable[[], None], count: int) -> tuple[float, float, float]:
    """Median, 95th percentile and maximum of the seconds that it takes."""
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1] if count > 1 else taken[0], max(taken)


def spans(configuration: Settings) -> dict[str, tuple[int, int, int]]:
    """Each symbol's first and last event time, and its last sequence."""
    with_lake = catalog(configuration)
    try:
        rows = with_lake.load_table(f"{MARKET}.market_status").scan().to_arrow()
    finally:
        with_lake.close()
    found: dict[str, tuple[int, int, int]] = {}
    micros = pc.cast(pc.cast(rows["event_time"], pa.timestamp("us", "UTC")), pa.int64()).to_pylist()
    for symbol, at, sequence in zip(rows["symbol"].to_pylist(), micros, rows["sequence"].to_pylist(), strict=True):
        first, last, greatest = found.get(symbol, (at, at, sequence))
        found[symbol] = min(first, at), max(last, at), max(greatest, sequence)
    return found


def fill(configuration: Settings, days: int) -> None:
    """Put the history into the tables, if there is nothing in them."""
    lake = catalog(configuration)
    try:
        tables = {name: lake.load_table(f"{MARKET}.{name}") for name in (*FEED, "book_snapshots")}
        if tables["trades"].current_snapshot() is not None:
            print("the tables hold a history already")
            return
        began = time.perf_counter()
        commands = rows = 0
        for date, count, day in lived(configuration, days):
            commands += count
            for name, items in day.items():
                rows += len(items)
                write(tables[name], items, f"{date}")
        took = time.perf_counter() - began
        print(f"{commands:,} commands, {rows:,} rows in {took:.0f} s")
    finally:
        lake.close()


def lived(
    configuration: Settings, days: int
) -> Iterator[tuple[dt.date, int, dict[str, list[BookEvent | BookSnapshot]]]]:
    """The rows of each day, by table, and how many commands made them."""
    options = simulator_settings()
    run = make_run(options.seed, days, last_complete_trading_day(dt.datetime.now(dt.UTC)).date, options.orders_per_day)
    folder = generate(configuration.home, run)
    exchange, pace = Exchange(), Pace()
    counts: dict[str, int] = defaultdict(int)
    minutes: dict[str, int] = defaultdict(int)
    for trading_day in run.trading_days():
        day: dict[str, list[BookEvent | BookSnapshot]] = defaultdict(list)
        commands = 0
        for line in DayFiles(folder, trading_day.date).commands.read_bytes().splitlines():
            command = decode_command(line)
            commands += 1
            symbol = command.symbol
            before = exchange.markets[symbol].session if symbol in exchange.markets else None
            for event in exchange.apply(command):
                table = "trades" if isinstance(event, Trade) else "order_events"
                day["market_status" if isinstance(event, MarketStatus) else table].append(event)
            market = exchange.markets[symbol]
            counts[symbol] += 1
            late = market.now // MINUTE >= minutes[symbol] + pace.minutes and isinstance(command, Clock | SetSession)
            if market.session != before or counts[symbol] >= pace.commands or late:
                day["book_snapshots"] += market.snapshot()
                counts[symbol], minutes[symbol] = 0, market.now // MINUTE
        for items in day.values():
            items.sort(key=place)
        yield trading_day.date, commands, day


def place(item: BookEvent | BookSnapshot) -> tuple[str, int]:
    """What tables are sorted by."""
    return item.symbol, item.last_sequence if isinstance(item, BookSnapshot) else item.sequence or 0


def write(table: Table, items: Sequence[BookEvent | BookSnapshot], name: str) -> None:
    """Append a sorted file for each day of market time, in UTC."""
    schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
    by_day: dict[int, list[BookEvent | BookSnapshot]] = defaultdict(list)
    for item in items:
        by_day[item.event_time // (24 * 60 * MINUTE)].append(item)
    files = []
    for day, inside in by_day.items():
        files.append(f"{table.location()}/data/{name}-{day}.parquet")
        columns = [column(inside, field) for field in schema]
        with table.io.new_output(files[-1]).create() as file:
            pq.write_table(
                pa.Table.from_arrays(columns, schema=schema), file, row_group_size=ROW_GROUP, compression="zstd"
            )
    table.add_files(files)


def column(items: Sequence[BookEvent | BookSnapshot], field: pa.Field) -> pa.Array:
    """A table's column of the items."""
    if field.name == "event":
        return pa.array([item.__struct_config__.tag for item in items], field.type)
    if (field.name == "orders" and pa.types.is_list(field.type)) or pa.types.is_large_list(field.type):
        return pa.array([[resting(order) for order in item.orders] for item in items], field.type)  # type: ignore[union-attr]
    if field.name in ("kafka_partition", "kafka_offset"):
        return pa.array([0] * len(items), field.type)
    name = "event_time" if field.name == "kafka_time" else field.name
    values = [getattr(item, name, None) for item in items]
    if pa.types.is_decimal(field.type):
        return pc.cast(pc.multiply(pc.cast(pa.array(values, pa.int64()), pa.decimal128(19, 0)), UNIT), field.type)
    if pa.types.is_timestamp(field.type):
        return pc.cast(pa.array(values, pa.int64()), field.type)
    return pa.array(values, field.type)


def resting(order: msgspec.Struct) -> dict[str, object]:
    """An order of a stored book as the table has it."""
    row = msgspec.structs.asdict(order)
    row["price_units"] = row.pop("price")
    return row


if __name__ == "__main__":
    main()
