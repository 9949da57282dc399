"""Bytes of topic `trades` to trades and corporate actions that can be posted, and what cannot be.

The engine is trusted with the market, not with the ledger's survival: whatever the bytes are, each becomes something
that the ledger can hold, or a dead letter. Nothing here may stop the stream.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

import msgspec

from streaming.contracts.codec import UNREADABLE, TradesEnvelope
from streaming.contracts.commands import Id, Micros, Symbol
from streaming.contracts.events import CorporateAction, Trade
from streaming.contracts.money import MAX_INT64
from streaming.settlement.books import Settleable

_SYMBOL = re.compile(next(meta.pattern for meta in get_args(Symbol) if isinstance(meta, msgspec.Meta)) or "")
_LATEST = msgspec.json.schema(Micros)["maximum"]
_HIGHEST_ID = msgspec.json.schema(Id)["maximum"]
_CONTINUOUS = ("maker_order_id", "taker_order_id")
_AUCTION = ("buy_order_id", "sell_order_id")
"""The orders that a trade names: those of an auction have no maker and taker."""


@dataclass(frozen=True)
class Unusable:
    """What cannot be posted. `item` is its place in the message, -1 for the whole; `payload` the original bytes.

    The places of corporate actions go on after those of the trades.
    """

    item: int
    reason: Any
    detail: str
    payload: bytes


class _Envelope(msgspec.Struct):
    symbol: str
    items: list[msgspec.Raw]
    actions: list[msgspec.Raw] = []


_whole = msgspec.json.Decoder(TradesEnvelope)
_envelopes = msgspec.json.Decoder(_Envelope)
_trades = msgspec.json.Decoder(Trade)
_actions = msgspec.json.Decoder(CorporateAction)
Item = TypeVar("Item", Trade, CorporateAction)


def read_trades(key: bytes | None, value: bytes | None) -> tuple[Sequence[Settleable], list[Unusable]]:
    """The trades of a message, then its corporate actions, and what in it is neither; a bad item is bad alone."""
    value = value or b""
    try:
        envelope = _whole.decode(value)
    except UNREADABLE:
        return _one_by_one(value)
    symbol = (key or b"").decode("utf-8", "replace")
    trades, actions = envelope.items, envelope.actions
    # The quick way: every message of this platform's own engine leaves here.
    if all(trade.symbol == symbol and fault(trade) is None for trade in trades):
        if not actions:
            return trades, []
        if all(action.symbol == symbol and action_fault(action) is None for action in actions):
            return [*trades, *actions], []
    return _one_by_one(value)


def _one_by_one(value: bytes) -> tuple[list[Settleable], list[Unusable]]:
    try:
        envelope = _envelopes.decode(value)
    except UNREADABLE as error:
        return [], [Unusable(-1, "malformed_message", str(error), value)]
    found: list[Settleable] = []
    unusable: list[Unusable] = []
    for place, raw in enumerate(envelope.items):
        found += _usable(place, raw, envelope.symbol, _trades, fault, unusable)
    for place, raw in enumerate(envelope.actions, len(envelope.items)):
        found += _usable(place, raw, envelope.symbol, _actions, action_fault, unusable)
    return found, unusable


def _usable(
    place: int,
    raw: msgspec.Raw,
    symbol: str,
    decoder: msgspec.json.Decoder[Item],
    find: Callable[[Item], str | None],
    unusable: list[Unusable],
) -> list[Item]:
    """The item, or none, and then why not is in `unusable`."""
    try:
        item = decoder.decode(raw)
    except UNREADABLE as error:
        unusable.append(Unusable(place, "malformed_item", str(error), bytes(raw)))
        return []
    detail = find(item)
    if detail:
        unusable.append(Unusable(place, "malformed_item", detail, bytes(raw)))
    elif item.symbol != symbol:
        detail = f"the item's symbol is not the message's, {symbol!r}"
        unusable.append(Unusable(place, "symbol_mismatch", detail, bytes(raw)))
    else:
        return [item]
    return []


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


def action_fault(action: CorporateAction) -> str | None:
    """Why the ledger cannot hold a corporate action; None where it can."""
    if not _SYMBOL.fullmatch(action.symbol):
        return f"symbol is {action.symbol!r}"
    if not 1 <= action.sequence <= MAX_INT64:
        return f"sequence is {action.sequence}"
    try:
        dt.date.fromisoformat(action.ex_date)
    except ValueError:
        return f"ex_date is {action.ex_date!r}"
    if not 0 <= action.event_time <= _LATEST:
        return f"event_time is {action.event_time}"
    for name in ("numerator", "denominator", "amount", "close_price", "adjusted_price"):
        number = getattr(action, name)
        if number is not None and not 1 <= number <= MAX_INT64 >> 16:
            return f"{name} is {number}"
    ratio = (action.numerator, action.denominator)
    if action.status == "refused":
        return "a refused action has no reason" if action.reason is None else None
    if action.reason is not None:
        return f"an effective action has a reason, {action.reason!r}"
    if action.kind == "split":
        whole = None not in ratio and action.amount is None and action.adjusted_price is not None
    else:
        whole = ratio == (None, None) and action.amount is not None
    return None if whole else f"a {action.kind} is not of these terms"
