"""How a market is told: best prices, and the whole book."""

from __future__ import annotations

from streaming.contracts.events import BookSnapshot, Price, RestingOrder
from streaming.matching.book import Book
from streaming.matching.state import State

SNAPSHOT_ORDERS = 5_000
"""Most orders in one part of a snapshot: about half a megabyte of JSON."""


def price(state: State, book: Book) -> Price:
    """Last price, best bid and best ask."""
    bid, ask = book.bids.best(), book.asks.best()
    return Price(
        symbol=state.symbol,
        last_sequence=state.sequence,
        last_price=state.last_price,
        bid_price=bid.price if bid else None,
        bid_quantity=bid.quantity if bid else None,
        ask_price=ask.price if ask else None,
        ask_quantity=ask.quantity if ask else None,
        volume=state.volume,
        event_time=state.now,
    )


def snapshot(state: State, book: Book) -> list[BookSnapshot]:
    """The whole book, in one or more parts."""
    orders = [
        RestingOrder(
            order_id=order.order_id,
            trader_id=order.trader_id,
            side=order.side,
            price=order.price,
            quantity=order.quantity,
        )
        for order in book
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
