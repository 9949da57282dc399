"""How a market is told: best prices, and the whole book."""

from __future__ import annotations

from streaming.contracts.events import BookSnapshot, Price, RestingOrder
from streaming.matching.sessions import clearing
from streaming.matching.state import State

SNAPSHOT_ORDERS = 5_000
"""Most orders in one part of a snapshot: about half a megabyte of JSON."""


def price(state: State) -> Price:
    """Last price, and best bid and ask or, while orders gather, what would trade."""
    gathering = not state.matching and state.session != "closed"
    bid = None if gathering else state.book.bids.best()
    ask = None if gathering else state.book.asks.best()
    indicative, shares = (0, 0)
    if gathering and state.rules is not None:
        indicative, shares = clearing(state, state.rules)
    return Price(
        symbol=state.symbol,
        last_sequence=state.sequence,
        last_price=state.last_price or None,
        bid_price=None if bid is None else bid.price,
        bid_quantity=None if bid is None else bid.shown,
        ask_price=None if ask is None else ask.price,
        ask_quantity=None if ask is None else ask.shown,
        indicative_price=indicative or None,
        indicative_quantity=shares or None,
        volume=state.volume,
        event_time=state.now,
    )


def best(state: State) -> tuple[int | None, int, int | None, int]:
    """The best bid and ask, each with the shares shown there; None and 0 where there is none, or orders gather."""
    if not state.matching:
        return None, 0, None, 0
    bid, ask = state.book.bids.best(), state.book.asks.best()
    bid_price = None if bid is None else bid.price
    ask_price = None if ask is None else ask.price
    return bid_price, 0 if bid is None else bid.shown, ask_price, 0 if ask is None else ask.shown


def snapshot(state: State) -> list[BookSnapshot]:
    """The whole book, in one or more parts."""
    orders = [
        RestingOrder(
            order_id=order.order_id,
            trader_id=order.trader_id,
            side="buy" if order.buy else "sell",
            price=order.price,
            quantity=order.left,
            shown_quantity=None if order.shown == order.left else order.shown,
        )
        for order in state.book
    ]
    parts = [orders[start : start + SNAPSHOT_ORDERS] for start in range(0, len(orders) or 1, SNAPSHOT_ORDERS)]
    return [
        BookSnapshot(
            symbol=state.symbol,
            last_sequence=state.sequence,
            part=number,
            parts=len(parts),
            orders=part,
            event_time=state.now,
        )
        for number, part in enumerate(parts, 1)
    ]
