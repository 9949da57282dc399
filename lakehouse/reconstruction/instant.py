"""The book of one instant: the nearest stored book before it, and the events since.

A stored book tells of each order what is left of it, not how much of it has traded, how much an iceberg shows at a
time, nor which stop orders wait. What the events since make necessary to know of older orders is looked up by their
names. Where that is not enough, the last stored book of a closed market is the base, and in the end the first event.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

import msgspec

from lakehouse.reconstruction.answer import StoredBook, placed
from lakehouse.reconstruction.book import Book
from lakehouse.reconstruction.history import Base, History, event_key
from lakehouse.reconstruction.orders import Key, Order
from lakehouse.reconstruction.store import Store, StoreError
from streaming.contracts.commands import Symbol
from streaming.contracts.events import Accepted, BookEvent, MarketStatus, Replaced, RestingOrder, Trade, Triggered

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
SOON = 60_000_000
"""How long after an instant its next event mostly comes, in microseconds: it is read along."""


def book_at(store: Store, symbol: str, time: int) -> StoredBook:
    """The book as it stood at a market time, in microseconds since 1970: after all events up to it.

    StoreError where the symbol is unknown, the time is outside of what is stored, or events are missing.
    """
    history = _history(store, symbol)
    return _first_exact(history, history.bases(time=time), lambda base: _until(history, base, time))


def book_after(store: Store, symbol: str, sequence: int) -> StoredBook:
    """The book as it stood after the event `sequence`.

    All trades of an incoming order, or of an auction, are one: within them it is the book after the last of them, and
    says so by its own sequence. StoreError as in `book_at`.
    """
    if sequence < 1:
        raise StoreError(f"{symbol}: events are numbered from 1, there is no sequence {sequence}")
    history = _history(store, symbol)
    later = history.later_book(sequence)
    bases = history.bases(sequence=sequence)
    return _first_exact(history, bases, lambda base: _around(history, base, sequence, later), sequence)


def utc(time: int) -> str:
    """A time in words."""
    return f"{(EPOCH + dt.timedelta(microseconds=time)).replace(tzinfo=None).isoformat(' ')} UTC"


def _history(store: Store, symbol: str) -> History:
    try:
        msgspec.convert(symbol, Symbol)
    except msgspec.ValidationError as error:
        raise StoreError(f"{symbol} cannot be a symbol: those are capital letters, digits and dots") from error
    return History(store, symbol)


def _first_exact(
    history: History,
    bases: Iterator[Base],
    events_after: Callable[[Base], list[BookEvent]],
    sequence: int | None = None,
) -> StoredBook:
    """The book from the first base from which enough is known."""
    why = ""
    for number, base in enumerate(bases):
        status = history.status(base) if base.sequence else None
        if number and base.sequence and (status is None or status.session != "closed"):
            continue
        events = events_after(base)
        book, count = _replayed(history, base, status, events, sequence)
        if book.doubt is None:
            return _answer(history.symbol, base, book, events[:count])
        why = book.doubt
    raise StoreError(f"the book of {history.symbol} cannot be rebuilt from what is stored: {why}")


def _until(history: History, base: Base, time: int) -> list[BookEvent]:
    """The events after a base up to a time, of which none is missing, nor between them and the next."""
    found = history.events(base, time + SOON)
    events = [event for event in found if event.event_time <= time]
    _check(history.symbol, base, events)
    sequence, at = _last(base, events)
    if at == time and sequence:
        return events
    after = found[len(events)] if len(events) < len(found) else None
    following = history.next(time) if after is None else (after.sequence or 0, after.event_time)
    if following is None:
        if not sequence:
            raise StoreError(f"unknown symbol {history.symbol}: there is no event of it in the lake")
        if not history.passed(time):
            raise StoreError(
                f"{utc(time)} is later than the last stored event of {history.symbol}, which is of {utc(at)}"
            )
    elif following[0] != sequence + 1:
        raise gap(history.symbol, sequence + 1, following[0] - 1, at, following[1])
    elif not sequence:
        raise StoreError(f"{utc(time)} is before the first event of {history.symbol}, which is of {utc(following[1])}")
    return events


def _around(history: History, base: Base, sequence: int, until: int | None) -> list[BookEvent]:
    """The events after a base up to a sequence at least, of which none is missing."""
    events = history.events(base, until)
    last, at = _last(base, events)
    if last < sequence:
        if not history.known():
            raise StoreError(f"unknown symbol {history.symbol}: there is no event of it in the lake")
        raise StoreError(
            f"sequence {sequence} is later than the last stored event of {history.symbol}, {last} of {utc(at)}"
        )
    _check(history.symbol, base, [event for event in events if (event.sequence or 0) <= sequence])
    return events


def _check(symbol: str, base: Base, events: Sequence[BookEvent]) -> None:
    """StoreError where an event is missing."""
    before, at = base.sequence, base.time
    for event in events:
        number = event.sequence or 0
        if number != before + 1:
            raise gap(symbol, before + 1, number - 1, at, event.event_time)
        before, at = number, event.event_time


def gap(symbol: str, first: int, last: int, since: int, until: int) -> StoreError:
    """What is said of events that are missing, after the time `since` (0: from the first) and before `until`."""
    which = f"event {first}" if first == last else f"events {first} to {last}"
    where = f"between {utc(since)} and {utc(until)}" if since else f"before {utc(until)}"
    return StoreError(f"{which} of {symbol}, {where}, are not in the lake: a day is not loaded, or not whole")


def _last(base: Base, events: Sequence[BookEvent]) -> tuple[int, int]:
    """Sequence and time of the last event up to which the book goes; 0 where there is none."""
    return (events[-1].sequence or 0, events[-1].event_time) if events else (base.sequence, base.time)


def _replayed(
    history: History, base: Base, status: MarketStatus | None, events: Sequence[BookEvent], sequence: int | None
) -> tuple[Book, int]:
    """The book after the events, up to a sequence if one is given, and how many of them that were."""
    resting = history.resting(base)
    orders = history.recalled(base, _wanted(events, resting)) if base.sequence else []
    book = begun(base.sequence, status, resting, orders)
    count = 0
    for event in events:
        beyond = sequence is not None and (event.sequence or 0) > sequence
        if beyond and not (book.going_on and book.continues(event)):
            break
        book.apply(event)
        count += 1
    book.finish()
    return book, count


def begun(
    base_sequence: int, status: MarketStatus | None, resting: Sequence[RestingOrder], recalled: Sequence[Order]
) -> Book:
    """The book that a stored one (sequence 0: none) begins, with what else is known of older orders."""
    book = Book(whole=not base_sequence)
    left = {(order.trader_id, order.order_id): order.quantity for order in resting}
    for order in recalled:
        order.left = left.get(order.key, order.left)
    if status is not None:
        book.resume(status.session, halted=status.halt is not None)
    book.recall(recalled)
    book.load(resting)
    return book


def _wanted(events: Sequence[BookEvent], resting: Sequence[RestingOrder]) -> set[Key]:
    """The orders from before of which more has to be known than a stored book tells."""
    hidden = {(order.trader_id, order.order_id) for order in resting if order.shown_quantity is not None}
    heard: set[Key] = set()
    wanted: set[Key] = set()
    for event in events:
        if isinstance(event, Accepted):
            heard.add(event_key(event))
        elif isinstance(event, Replaced | Triggered):
            wanted.add(event_key(event))
        elif isinstance(event, Trade):
            makers = (event.maker_order_id, event.buy_order_id, event.sell_order_id)
            wanted |= {
                (trader, number or 0) for trader in (event.buyer_id, event.seller_id) for number in makers
            } & hidden
    return wanted - heard


def _answer(symbol: str, base: Base, book: Book, events: Sequence[BookEvent]) -> StoredBook:
    sequence, time = _last(base, events)
    return StoredBook(
        symbol=symbol,
        sequence=sequence,
        event_time=time,
        session=book.session,
        halted=book.halted,
        orders=placed(book.standing()),
        base_sequence=base.sequence,
        events=len(events),
    )
