"""One symbol's trading day, from the exchange's events: how the book stands at first, and what happens then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from lakehouse.reconstruction.book import Book
from lakehouse.reconstruction.changes import Added, Update
from streaming.contracts.events import BookEvent, MarketStatus

NEW_YORK = ZoneInfo("America/New_York")
"""The exchange's own time: a trading day is from midnight to midnight there."""
NAMED = 10
"""How many gaps a message names."""


class ExportError(Exception):
    """Why there is no export, in words for whoever asked for it."""


@dataclass(frozen=True)
class Day:
    """A symbol's trading day.

    `midnight` is its beginning in New York; `opening` the shown orders that stand from days before, bids first, each
    side in priority order; `halted` whether the market is halted then. `first` and `last` are the times of the first
    and last event, `session` is the last one's. Times in microseconds since the Unix epoch, UTC.
    """

    symbol: str
    date: dt.date
    midnight: int
    opening: list[Added]
    halted: bool
    updates: list[Update]
    first: int
    last: int
    session: str
    events: int


def bounds(date: dt.date) -> tuple[int, int]:
    """Midnight in New York at the day's beginning and end, in microseconds since the Unix epoch."""
    start, end = (
        dt.datetime.combine(day, dt.time(), NEW_YORK).timestamp() for day in (date, date + dt.timedelta(days=1))
    )
    return int(start) * 1_000_000, int(end) * 1_000_000


def make_day(symbol: str, date: dt.date, events: Sequence[BookEvent], *, settled: bool = False) -> Day:
    """The day, from the symbol's events up to its end at least, in the order of their sequence.

    They begin with sequence 1; or, where they are `settled`, with a `market_status` of a closed market after which no
    order stands. ExportError where there are none of the day, where one is missing, or where they contradict.
    """
    start, end = bounds(date)
    events = [event for event in events if event.sequence is not None and event.event_time < end]
    if not events or events[-1].event_time < start:
        raise ExportError(f"{symbol} has no events on {date}")
    _check(symbol, events, settled=settled)
    book = Book()
    position = 0
    while events[position].event_time < start:
        event = events[position]
        if not settled or isinstance(event, MarketStatus):
            book.apply(event)
        position += 1
    book.finish()
    opening, halted = book.shown(), book.halted
    updates = [update for event in events[position:] for update in book.apply(event)]
    updates += book.finish()
    if book.doubt is not None:
        raise ExportError(f"the events of {symbol} contradict each other: {book.doubt}")
    if overdue := book.overdue():
        raise ExportError(
            f"{symbol} on {date}: the market is closed, but {overdue} orders of the day have not ended: events after "
            f"sequence {events[-1].sequence} are missing"
        )
    first, last = events[position].event_time, events[-1].event_time
    count = len(events) - position
    return Day(symbol, date, start, opening, halted, updates, first, last, book.session, count)


def _check(symbol: str, events: Sequence[BookEvent], *, settled: bool) -> None:
    """No event may be missing, none may be there twice."""
    numbers = [event.sequence or 0 for event in events]
    if not settled:
        numbers.insert(0, 0)
    twice = [after for before, after in pairwise(numbers) if after <= before]
    if twice:
        raise ExportError(f"{symbol}: sequence {twice[0]} comes twice")
    gaps = [(before + 1, after - 1) for before, after in pairwise(numbers) if after != before + 1]
    if gaps:
        words = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in gaps[:NAMED])
        more = f" and {len(gaps) - NAMED} more gaps" if len(gaps) > NAMED else ""
        raise ExportError(
            f"{symbol}: events are missing, and without them the book would be wrong: sequence {words}{more}"
        )
