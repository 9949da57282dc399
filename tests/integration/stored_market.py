"""Small market histories by the pure engine, their rows in Iceberg tables, and the engine's book after each command."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import Table

from streaming.contracts.commands import AnyCommand, Clock
from streaming.contracts.events import BookEvent, BookSnapshot, CorporateAction, MarketStatus, RestingOrder, Trade
from streaming.matching.market import SymbolMarket

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000
OWN_TABLES = {Trade: "trades", MarketStatus: "market_status", CorporateAction: "corporate_actions"}


@dataclass
class Lived:
    """A market's life: its events, the books that were told, and how the engine's book stood.

    `after` has, for each command that something came of, its last sequence and the book then. `at` has, for times that
    were asked for, the last sequence up to it and the book then.
    """

    symbol: str
    events: list[BookEvent] = field(default_factory=list)
    told: list[BookSnapshot] = field(default_factory=list)
    after: dict[int, list[RestingOrder]] = field(default_factory=dict)
    at: dict[int, tuple[int, list[RestingOrder]]] = field(default_factory=dict)


def live(market: SymbolMarket, commands: Sequence[AnyCommand], every: int, times: Iterable[int] = ()) -> Lived:
    """Have the commands carried out; the whole book is told after each change of session and so many commands."""
    lived = Lived(market.symbol)
    asked = deque(sorted(times))
    session, since = market.session, 0
    for command in commands:
        while asked and asked[0] < command.event_time:
            time = asked.popleft()
            market_then = SymbolMarket.load(market.dump())
            market_then.apply(Clock(symbol=market.symbol, event_time=time))  # what was due by then
            lived.at[time] = market_then.sequence, resting(market_then)
        events = [event for event in market.apply(command) if event.sequence is not None]
        lived.events += events
        since += 1
        if market.known and (market.session != session or since >= every):
            lived.told += market.snapshot()
            session, since = market.session, 0
        if events:
            lived.after[market.sequence] = resting(market)
    return lived


def resting(market: SymbolMarket) -> list[RestingOrder]:
    """The engine's book."""
    return [order for part in market.snapshot() for order in part.orders]


def rows_of(lives: Sequence[Lived]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table, sorted as compaction sorts them."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for lived in sorted(lives, key=lambda lived: lived.symbol):
        for event in lived.events:
            row = msgspec.structs.asdict(event)
            row["event"] = event.__struct_config__.tag
            row["post_only"] = row.get("post_only") or None
            found[OWN_TABLES.get(type(event), "order_events")].append(row)
        for part in lived.told:
            row = msgspec.structs.asdict(part)
            row["orders"] = [_resting(order) for order in part.orders]
            found["book_snapshots"].append(row)
    return found


def _resting(order: RestingOrder) -> dict[str, Any]:
    row = msgspec.structs.asdict(order)
    row["price_units"] = row.pop("price")
    return row


def add(table: Table, rows: Sequence[dict[str, Any]], name: str) -> None:
    """Append rows to a table, a file a day of market time."""
    schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
    days: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        days[row["event_time"] // DAY].append({column.name: _value(column, row) for column in schema})
    files = []
    for day, inside in days.items():
        files.append(f"{table.location()}/data/{day}-{name}.parquet")
        with table.io.new_output(files[-1]).create() as file:
            pq.write_table(pa.Table.from_pylist(inside, schema), file, row_group_size=2_000)
    table.add_files(files)


def _value(column: pa.Field, row: dict[str, Any]) -> Any:
    if column.name in ("kafka_partition", "kafka_offset"):
        return 0
    value = row["event_time"] if column.name == "kafka_time" else row.get(column.name)
    if value is not None and pa.types.is_decimal(column.type):
        return Decimal(value).scaleb(-4)
    if value is not None and pa.types.is_timestamp(column.type):
        return EPOCH + timedelta(microseconds=value)
    return value
