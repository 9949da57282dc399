"""Rows of the lake's tables as the contracts' items: prices in 1/10,000 dollar, times in microseconds since 1970."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from streaming.contracts.events import BookEvent, RestingOrder
from streaming.contracts.money import PRICE_UNIT

FEED = {
    "order_events": None,
    "trades": "trade",
    "market_status": "market_status",
    "corporate_actions": "corporate_action",
}
"""The tables that are a symbol's full feed together, and the tag that a table of one event leaves out."""
UNSAID = ("kafka_partition", "kafka_offset", "kafka_time")
CHUNK = 10_000


def in_units(rows: pa.Table) -> pa.Table:
    """The rows with prices and times as integers."""
    scale = pa.scalar(Decimal(PRICE_UNIT))
    for number, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):
            micros = pc.cast(pc.cast(rows[field.name], pa.timestamp("us", field.type.tz)), pa.int64())
            rows = rows.set_column(number, field.name, micros)
        elif pa.types.is_decimal(field.type):
            rows = rows.set_column(number, field.name, pc.cast(pc.multiply(rows[field.name], scale), pa.int64()))
    return rows


def events_of(table: str, rows: pa.Table) -> list[BookEvent]:
    """The events that rows `in_units` of one of the tables of `FEED` tell."""
    tag = FEED[table]
    rows = rows.drop_columns([name for name in UNSAID if name in rows.column_names])
    found: list[BookEvent] = []
    for batch in rows.to_batches(max_chunksize=CHUNK):
        for row in batch.to_pylist():
            values: dict[str, Any] = {name: value for name, value in row.items() if value is not None}
            if tag is not None:
                values["event"] = tag
            found.append(msgspec.convert(values, BookEvent))
    return found


def resting_of(orders: list[dict[str, Any]]) -> list[RestingOrder]:
    """The orders of a row of `book_snapshots`."""
    return [
        RestingOrder(
            order_id=order["order_id"],
            trader_id=order["trader_id"],
            side=order["side"],
            price=order["price_units"],
            quantity=order["quantity"],
            shown_quantity=order["shown_quantity"],
        )
        for order in orders
    ]
