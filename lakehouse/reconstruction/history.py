"""A symbol's past in the lake: its stored books, statuses and events, read no further back than is needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import pyarrow.compute as pc
from pyiceberg.expressions import BooleanExpression

from lakehouse.reconstruction.conditions import all_of, among, compared
from lakehouse.reconstruction.orders import Key, Order
from lakehouse.reconstruction.rows import FEED, events_of, resting_of
from lakehouse.reconstruction.store import Store
from streaming.contracts.events import (
    Accepted,
    BookEvent,
    Cancelled,
    Expired,
    MarketStatus,
    Replaced,
    RestingOrder,
    Triggered,
)

DAY = 86_400_000_000
REACH = (1, 8)
"""How many days back to look at first, and then; and at last at everything."""


@dataclass(frozen=True)
class Base:
    """A stored book: after which event, told when, and in how many parts. Sequence 0: none, from the first event."""

    sequence: int
    time: int
    parts: int


class History:
    """What the tables know of one symbol."""

    def __init__(self, store: Store, symbol: str) -> None:
        self.symbol = symbol
        self._store = store
        self._mine = compared("symbol", "=", symbol)

    def known(self) -> bool:
        """Whether there is any event of the symbol."""
        numbered = all_of(self._mine, compared("sequence", ">", 0))  # a refusal for a stranger has no number
        return any(self._store.rows(table, numbered, ("sequence",), limit=1).num_rows for table in FEED)

    def bases(self, *, time: int | None = None, sequence: int | None = None) -> Iterator[Base]:
        """The whole stored books up to a market time or a sequence, the last one first; then the beginning."""
        if sequence is not None:
            spans: Iterator[BooleanExpression] = iter([compared("last_sequence", "<=", sequence)])
        else:
            assert time is not None
            spans = self._back(time)
        for span in spans:
            columns = ("last_sequence", "part", "parts", "event_time")
            rows = self._store.rows("book_snapshots", all_of(self._mine, span), columns).to_pylist()
            parts: dict[Base, set[int]] = {}
            for row in rows:
                base = Base(row["last_sequence"], row["event_time"], row["parts"])
                parts.setdefault(base, set()).add(row["part"])
            whole = [base for base, found in parts.items() if len(found) == base.parts]
            yield from sorted(whole, key=lambda base: (base.sequence, base.time), reverse=True)
        yield Base(0, 0, 0)

    def later_book(self, sequence: int) -> int | None:
        """The time of the first stored book that was told after the event `sequence`."""
        where = all_of(self._mine, compared("last_sequence", ">=", sequence))
        rows = self._store.rows("book_snapshots", where, ("event_time",))
        return pc.min(rows["event_time"]).as_py() if rows.num_rows else None

    def resting(self, base: Base) -> list[RestingOrder]:
        """The orders of a stored book: bids first, each side in priority order."""
        if not base.sequence:
            return []
        told = all_of(compared("last_sequence", "=", base.sequence), compared("event_time", "=", base.time))
        rows = self._store.rows("book_snapshots", all_of(self._mine, told), ("part", "orders"))
        parts = {row["part"]: row["orders"] for row in rows.to_pylist()}
        return [order for _, orders in sorted(parts.items()) for order in resting_of(orders)]

    def status(self, base: Base) -> MarketStatus | None:
        """The last status up to a stored book, if there was any."""
        for span in self._back(base.time):
            where = all_of(self._mine, span, compared("sequence", "<=", base.sequence))
            rows = self._store.rows("market_status", where)
            if rows.num_rows:
                last = rows.sort_by([("sequence", "descending")]).slice(0, 1)
                (status,) = events_of("market_status", last)
                assert isinstance(status, MarketStatus)
                return status
        return None

    def events(self, base: Base, until: int | None) -> list[BookEvent]:
        """The events after a stored book up to a market time, in the order of their sequence."""
        where: BooleanExpression = all_of(self._mine, compared("sequence", ">", base.sequence))
        if base.sequence:
            where = all_of(where, compared("event_time", ">=", base.time))
        if until is not None:
            where = all_of(where, compared("event_time", "<=", until))
        found = [event for table in FEED for event in events_of(table, self._store.rows(table, where))]
        return sorted(found, key=lambda event: event.sequence or 0)

    def next(self, time: int) -> tuple[int, int] | None:
        """Sequence and time of the first event after a market time."""
        for days in (*REACH, None):
            where: BooleanExpression = all_of(
                self._mine, compared("event_time", ">", time), compared("sequence", ">", 0)
            )
            if days is not None:
                where = all_of(where, compared("event_time", "<=", time + days * DAY))
            firsts = []
            for table in FEED:
                rows = self._store.rows(table, where, ("sequence", "event_time"))
                if rows.num_rows:
                    first = rows.sort_by("sequence").slice(0, 1).to_pylist()[0]
                    firsts.append((first["sequence"], first["event_time"]))
            if firsts:
                return min(firsts)
        return None

    def passed(self, time: int) -> bool:
        """Whether the market told of a time at or after this one without an event: its prices say so."""
        where = all_of(self._mine, compared("event_time", ">=", time))
        return bool(self._store.rows("prices", where, ("event_time",), limit=1).num_rows)

    def recalled(self, base: Base, wanted: Collection[Key]) -> list[Order]:
        """What the events up to a stored book tell of orders that were alive then, by trader and order id.

        An order whose acceptance is not found is left out.
        """
        events: list[BookEvent] = []
        missing = set(wanted)
        for span in self._back(base.time):
            if not missing:
                break
            ids = among("order_id", {order_id for _, order_id in wanted})
            where = all_of(self._mine, span, compared("sequence", "<=", base.sequence), ids)
            events += events_of("order_events", self._store.rows("order_events", where))
            missing -= {event_key(event) for event in events if isinstance(event, Accepted)}
        events.sort(key=lambda event: event.sequence or 0)
        return remembered([event for event in events if event_key(event) in wanted])

    def _back(self, time: int) -> Iterator[BooleanExpression]:
        """Spans of market time up to `time`, from the near to the far."""
        before = None
        for days in REACH:
            end = compared("event_time", "<=", time) if before is None else compared("event_time", "<", before)
            before = time - days * DAY
            yield all_of(end, compared("event_time", ">=", before))
        assert before is not None
        yield compared("event_time", "<", before)


def event_key(event: BookEvent) -> Key:
    """Trader and order id of what an event of one order is about."""
    return getattr(event, "trader_id", 0), getattr(event, "order_id", None) or 0


def remembered(events: Iterable[BookEvent]) -> list[Order]:
    """What events, in the order of their sequence, tell of the orders that they are about, but for their trades."""
    orders: dict[Key, Order] = {}
    for event in events:
        key = event_key(event)
        if isinstance(event, Accepted):
            orders[key] = Order(
                key=key,
                number=event.sequence,
                buy=event.side == "buy",
                price=event.price or 0,
                stop_price=event.stop_price or 0,
                left=event.quantity,
                total=event.quantity,
                peak=event.display_quantity or 0,
                time_in_force=event.time_in_force,
            )
            continue
        order = orders.get(key)
        if order is None or order.total is None:
            continue
        if isinstance(event, Replaced):
            order.price, order.stop_price, order.total = event.price or 0, event.stop_price or 0, event.quantity
        elif isinstance(event, Triggered):
            order.stop_price = 0
        elif isinstance(event, Cancelled | Expired):  # a part of it, by self-trade prevention: it was alive after
            order.total -= event.quantity
        order.left = order.total
    return list(orders.values())
