"""Bytes of topic `trades` to trades that can be posted, and what cannot be.

The engine is trusted with the market, not with the ledger's survival: whatever the bytes are, each becomes a trade
that the ledger can hold, or a dead letter. Nothing here may stop the stream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, get_args

import msgspec

from streaming.contracts.codec import UNREADABLE, decode
from streaming.contracts.commands import Id, Micros, Symbol
from streaming.contracts.events import Trade
from streaming.contracts.money import MAX_INT64
from streaming.contracts.topics import TRADES

_SYMBOL = re.compile(next(meta.pattern for meta in get_args(Symbol) if isinstance(meta, msgspec.Meta)) or "")
_LATEST = msgspec.json.schema(Micros)["maximum"]
_HIGHEST_ID = msgspec.json.schema(Id)["maximum"]
_CONTINUOUS = ("maker_order_id", "taker_order_id")
_AUCTION = ("buy_order_id", "sell_order_id")
"""The orders that a trade names: those of an auction have no maker and taker."""


@dataclass(frozen=True)
class Unusable:
    """What cannot be posted. `item` is its place in the message, -1 for the whole; `payload` the original bytes."""

    item: int
    reason: Any
    detail: str
    payload: bytes


class _Envelope(msgspec.Struct):
    symbol: str
    items: list[msgspec.Raw]


_envelopes = msgspec.json.Decoder(_Envelope)
_trades = msgspec.json.Decoder(Trade)


def read_trades(key: bytes | None, value: bytes | None) -> tuple[list[Trade], list[Unusable]]:
    """The trades of a message, and what in it is none; a bad item is bad alone."""
    value = value or b""
    try:
        trades: list[Trade] = decode(TRADES, value)
    except UNREADABLE:
        return _one_by_one(value)
    symbol = (key or b"").decode("utf-8", "replace")
    # The quick way: every message of this platform's own engine leaves here.
    if all(trade.symbol == symbol and fault(trade) is None for trade in trades):
        return trades, []
    return _one_by_one(value)


def _one_by_one(value: bytes) -> tuple[list[Trade], list[Unusable]]:
    try:
        envelope = _envelopes.decode(value)
    except UNREADABLE as error:
        return [], [Unusable(-1, "malformed_message", str(error), value)]
    trades: list[Trade] = []
    unusable: list[Unusable] = []
    for place, raw in enumerate(envelope.items):
        try:
            trade = _trades.decode(raw)
        except UNREADABLE as error:
            unusable.append(Unusable(place, "malformed_item", str(error), bytes(raw)))
            continue
        detail = fault(trade)
        if detail:
            unusable.append(Unusable(place, "malformed_item", detail, bytes(raw)))
        elif trade.symbol != envelope.symbol:
            detail = f"the item's symbol is not the message's, {envelope.symbol!r}"
            unusable.append(Unusable(place, "symbol_mismatch", detail, bytes(raw)))
        else:
            trades.append(trade)
    return trades, unusable


def fault(trade: Trade) -> str | None:
    """Why the ledger cannot hold a trade; None where it can. Its columns are 64 bits wide."""
    if not _SYMBOL.fullmatch(trade.symbol):
        return f"symbol is {trade.symbol!r}"
    if trade.trade_id != f"{trade.symbol}-{trade.sequence}":
        return f"trade_id is {trade.trade_id!r}, not symbol and sequence"
    if not 1 <= trade.sequence <= MAX_INT64:
        return f"sequence is {trade.sequence}"
    if trade.price < 1 or trade.quantity < 1 or trade.price * trade.quantity > MAX_INT64 >> 16:
        return f"{trade.quantity} shares at {trade.price} are not an amount the ledger holds"
    named, absent = (_AUCTION, _CONTINUOUS) if trade.aggressor_side == "none" else (_CONTINUOUS, _AUCTION)
    for name in (*named, "buyer_id", "seller_id"):
        if not 1 <= (getattr(trade, name) or 0) <= _HIGHEST_ID:
            return f"{name} is {getattr(trade, name)}"
    for name in absent:
        if getattr(trade, name) is not None:
            return f"{name} is given, though the aggressor is {trade.aggressor_side!r}"
    if not 0 <= trade.event_time <= _LATEST:
        return f"event_time is {trade.event_time}"
    return None
