"""A market's state to bytes and back."""

from __future__ import annotations

from typing import Any

import msgspec

from streaming.matching.bands import PriceBands
from streaming.matching.book import ON_BOOK, STOP, Order
from streaming.matching.rules import Rules
from streaming.matching.saved import Saved, SavedBands, SavedOrder, SavedRules
from streaming.matching.state import State

APART = ("rules", "bands", "orders", "highest_ids", "modes")
PLAIN = [name for name in Saved.__struct_fields__ if name not in APART]
_decoder = msgspec.json.Decoder(Saved)


def dump(state: State) -> bytes:
    """The state as JSON."""
    bands = state.bands
    saved_bands = None
    if bands is not None:
        saved_bands = SavedBands(
            _rules(bands.rules), bands.day_reference, bands.reference, bands.since, bands.doubled, bands.seconds
        )
    plain: dict[str, Any] = {name: getattr(state, name) for name in PLAIN}
    rules = None if state.rules is None else _rules(state.rules)
    orders = [_order(order) for order in state.book]
    orders += [_order(order) for order in state.by_arrival() if order.where != ON_BOOK]
    traders = sorted(state.traders.values(), key=lambda trader: trader.trader_id)
    return msgspec.json.encode(
        Saved(
            rules=rules,
            bands=saved_bands,
            orders=orders,
            highest_ids={trader.trader_id: trader.highest_id for trader in traders if trader.highest_id},
            modes={trader.trader_id: trader.prevention for trader in traders if trader.prevention is not None},
            **plain,
        )
    )


def load(data: bytes) -> State:
    """What `dump` saved; msgspec.DecodeError where the bytes are no such thing."""
    saved = _decoder.decode(data)
    state = State(saved.symbol, saved.bare)
    for name in PLAIN:
        setattr(state, name, getattr(saved, name))
    state.rules = None if saved.rules is None else Rules(*saved.rules)
    if saved.bands is not None:
        state.bands = _bands(saved.bands)
    for trader_id, highest_id in saved.highest_ids.items():
        state.trader(trader_id).highest_id = highest_id
    for trader_id, mode in saved.modes.items():
        state.trader(trader_id).prevention = mode
    for order in saved.orders:
        _put(state, order)
    state.buy_stops.sort(key=lambda entry: entry[:2])
    state.sell_stops.sort(key=lambda entry: entry[:2])
    state.expiries.sort(key=lambda entry: entry[:2])
    return state


def _rules(rules: Rules) -> SavedRules:
    return (
        rules.tick_size,
        rules.lot_size,
        rules.max_quantity,
        rules.max_notional,
        rules.collar_bps,
        rules.luld_tier,
        rules.luld_bps,
        rules.limit_state_seconds,
        rules.pause_seconds,
    )


def _bands(saved: SavedBands) -> PriceBands:
    bands = PriceBands(Rules(*saved.rules), saved.day_reference, saved.reference, saved.since, saved.doubled)
    bands.seconds = saved.seconds
    bands.total = sum([total for _, total, _ in saved.seconds])
    bands.count = sum([count for _, _, count in saved.seconds])
    return bands


def _order(order: Order) -> SavedOrder:
    return (
        order.order_id,
        order.trader_id,
        order.buy,
        order.price,
        order.stop_price,
        order.left,
        order.peak,
        order.shown,
        order.filled,
        order.time_in_force,
        order.expire_time,
        order.post_only,
        order.prevention,
        order.arrival,
        order.place,
        order.where,
    )


def _put(state: State, saved: SavedOrder) -> None:
    (
        order_id,
        trader_id,
        buy,
        price,
        stop_price,
        left,
        peak,
        shown,
        filled,
        time_in_force,
        expire_time,
        post_only,
        prevention,
        arrival,
        place,
        where,
    ) = saved
    order = Order(
        order_id,
        state.trader(trader_id),
        buy,
        price,
        stop_price,
        left,
        peak,
        time_in_force,
        expire_time,
        post_only,
        prevention,
    )
    order.shown, order.filled = shown, filled
    order.arrival, order.place, order.where = arrival, place, where
    order.owner.orders[order_id] = order
    order.kept = True
    if where == ON_BOOK:
        state.book.side(buy).add(order)
    elif where == STOP:
        entries = state.buy_stops if buy else state.sell_stops
        entries.append((stop_price if buy else -stop_price, place, order))
    else:
        state.aside[arrival] = order
    if expire_time:
        state.expiries.append((expire_time, arrival, order))
