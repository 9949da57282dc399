"""What a market remembers, and the form in which it is saved."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from streaming.contracts.commands import Session
from streaming.matching.book import Book, Order
from streaming.matching.rules import Band, Rules


class State(Struct):
    """Everything that a market remembers, but its book.

    `guarded` tells whether orders must lie within `band`; it is set at the opening, as the band is, so that both hold
    for the whole session.
    """

    symbol: str
    rules: Rules | None
    session: Session
    now: int = 0
    sequence: int = 0
    guarded: bool = False
    band: Band | None = None
    trading_date: str | None = None
    last_price: int | None = None
    volume: int = 0
    highest_ids: dict[int, int] = {}


class _Dump(Struct):
    state: State
    orders: list[Order]


_decoder = msgspec.json.Decoder(_Dump)


def dump(state: State, book: Book) -> bytes:
    """Both as JSON; the orders stand in priority order, bids first."""
    return msgspec.json.encode(_Dump(state, list(book)))


def load(data: bytes) -> tuple[State, Book]:
    """What `dump` saved, priorities included; msgspec.DecodeError where the bytes are no such thing."""
    saved = _decoder.decode(data)
    book = Book()
    for order in saved.orders:
        book.add(order)
    return saved.state, book
