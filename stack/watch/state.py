"""What the screen knows of one symbol: the events of three topics in one order, and what follows from them.

Nothing here reads Kafka or a clock: `now` is in seconds, of any clock that does not go back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from lakehouse.reconstruction.book import Book
from lakehouse.reconstruction.orders import Level
from streaming.contracts.events import Alert, BookEvent, BookSnapshot, MarketStatus, Price, Trade

TAPE = 200
"""How many trades are remembered."""
MINUTE = 60_000_000
MINUTES = 390
"""How many minutes' last prices are remembered: those of a trading day."""
ALERTS = 20
PATIENCE = 2.0
"""Seconds that an event may be missing before the ladder is not shown: the topics are read side by side."""
GIVE_UP = 10.0
"""Seconds after which what Kafka holds is read anew."""

Told = Trade | MarketStatus | Alert


@dataclass(frozen=True)
class View:
    """What there is to show of a symbol.

    `problem` says why `bids` and `asks` are empty although they may not be so in the market; `sequence` is the last
    event that they contain, `checked` how many snapshots since the start were what the events had led to.
    """

    symbol: str
    problem: str | None = None
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    sequence: int = 0
    checked: int = 0
    status: MarketStatus | None = None
    price: Price | None = None
    trades: tuple[Trade, ...] = ()
    closes: tuple[int, ...] = ()
    alerts: tuple[Alert, ...] = ()


@dataclass
class SymbolState:
    """Hears everything of a symbol from some moment on, in any order of the topics; `begin` once it has caught up."""

    symbol: str
    price: Price | None = None
    status: MarketStatus | None = None
    applied: int = 0
    """The number of the last event that the ladder contains."""
    checked: int = 0
    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=TAPE))
    closes: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=MINUTES))
    alerts: deque[Alert] = field(default_factory=lambda: deque(maxlen=ALERTS))
    told: list[Told] | None = None
    """Where trades, changes of status and alerts since `begin` go, if anybody wants them one by one."""

    def __post_init__(self) -> None:
        self._book: Book | None = None
        self._pending: dict[int, BookEvent] = {}
        self._parts: dict[int, dict[int, BookSnapshot]] = {}
        self._snapshots: dict[int, list[BookSnapshot]] = {}
        self._waiting_since: float | None = None
        self._doubted_at = 0
        self._newest = 0
        self._ladder: tuple[tuple[Level, ...], tuple[Level, ...], int] = ((), (), 0)

    # Hearing

    def hear(self, items: Iterable[object]) -> None:
        """Take in the items of a message of any of the topics."""
        for item in items:
            if isinstance(item, BookSnapshot):
                self._hear_part(item)
            elif isinstance(item, Price):
                if self.price is None or item.last_sequence >= self.price.last_sequence:
                    self.price = item
            elif isinstance(item, Alert):
                self.alerts.append(item)
                self._tell(item)
            else:
                sequence = getattr(item, "sequence", None)
                if sequence is not None and sequence > self.applied:
                    self._pending[sequence] = item  # type: ignore[assignment]  # one of `SEQUENCED`

    def _hear_part(self, part: BookSnapshot) -> None:
        parts = self._parts.setdefault(part.last_sequence, {})
        parts[part.part] = part
        if len(parts) < part.parts:
            return
        self._snapshots[part.last_sequence] = [parts[number] for number in sorted(parts)]
        self._newest = max(self._newest, part.last_sequence)
        for mapping in (self._parts, self._snapshots):
            for old in [sequence for sequence in mapping if sequence < self._newest]:
                del mapping[old]

    # Applying

    def begin(self) -> None:
        """Everything that Kafka holds was heard: find where to begin.

        With every event from the first there is nothing else to know. Otherwise the latest snapshot tells the book;
        the events before it tell of orders what it does not.
        """
        snapshot = self._newest in self._snapshots
        if 1 in self._pending and not (snapshot and self._missing_before(self._newest)):
            self._book = Book()
        elif snapshot:
            self._book = Book(whole=False)
            for sequence in sorted(self._pending):
                if sequence <= self._newest:
                    self._apply(self._book, self._pending.pop(sequence))
            self._book.load(order for part in self._snapshots.pop(self._newest) for order in part.orders)
            self.applied = self._newest
        self._drain()

    def _missing_before(self, sequence: int) -> bool:
        return sum(number <= sequence for number in self._pending) < sequence

    def advance(self, now: float) -> None:
        """Apply what can be, and note since when an event is missing."""
        self._drain()
        if not self._pending or self._book is None:
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = now

    def _drain(self) -> None:
        book, before = self._book, self.applied
        if book is None:
            return
        self._check(book)
        while (event := self._pending.pop(self.applied + 1, None)) is not None:
            self.applied += 1
            self._apply(book, event)
            self._check(book)
            if book.doubt is not None and not self._doubted_at:
                self._doubted_at = self.applied
        if self.applied > before:
            self._waiting_since = None

    def _check(self, book: Book) -> None:
        """A snapshot of just this moment: it has the last word."""
        parts = self._snapshots.pop(self.applied, None)
        if parts is None:
            return
        doubted = book.doubt is not None
        agrees = book.load(order for part in parts for order in part.orders)
        self._doubted_at = 0
        if agrees and not doubted:
            self.checked += 1

    def _apply(self, book: Book, event: BookEvent) -> None:
        book.apply(event)
        if isinstance(event, Trade):
            self.trades.append(event)
            minute = event.event_time // MINUTE
            if self.closes and self.closes[-1][0] == minute:
                self.closes.pop()
            self.closes.append((minute, event.price))
            self._tell(event)
        elif isinstance(event, MarketStatus):
            self.status = event
            self._tell(event)

    def _tell(self, item: Told) -> None:
        if self.told is not None:
            self.told.append(item)

    def since(self, sequence: int) -> list[Told]:
        """The trades and the status told after the event `sequence`, as far as they are remembered."""
        told: list[Trade | MarketStatus] = [*self.trades, *([self.status] if self.status else [])]
        told = [item for item in told if item.sequence > sequence]
        return [*sorted(told, key=lambda item: item.sequence)]

    # Showing

    @property
    def gap(self) -> tuple[int, int] | None:
        """The first and the last number of the events that are missing before those that were heard."""
        return (self.applied + 1, min(self._pending) - 1) if self._pending and self._book is not None else None

    def stuck(self, now: float) -> bool:
        """Whether Kafka has to be read anew: a missing event does not come, or a snapshot that removes a doubt did."""
        if self._book is None:
            return bool(self._snapshots) or 1 in self._pending
        waited = 0.0 if self._waiting_since is None else now - self._waiting_since
        return waited > GIVE_UP or (self._doubted_at > 0 and self._newest >= self._doubted_at)

    def view(self, depth: int, now: float) -> View:
        """What to show, with at most `depth` prices of each side."""
        problem = self._problem(now)
        book = self._book
        bids: tuple[Level, ...] = ()
        asks: tuple[Level, ...] = ()
        sequence = self.applied
        if problem is None and book is not None:
            if book.settled or not self._ladder[2]:
                self._ladder = tuple(book.levels(True, depth)), tuple(book.levels(False, depth)), self.applied
            bids, asks, sequence = self._ladder
        return View(
            symbol=self.symbol,
            problem=problem,
            bids=bids,
            asks=asks,
            sequence=sequence,
            checked=self.checked,
            status=self.status,
            price=self.price,
            trades=tuple(self.trades),
            closes=tuple(price for _, price in self.closes),
            alerts=tuple(self.alerts),
        )

    def _problem(self, now: float) -> str | None:
        if self._book is None:
            return "Kafka holds no snapshot of the whole book any more: waiting for the next"
        if self._waiting_since is not None and now - self._waiting_since > PATIENCE and self.gap:
            first, last = self.gap
            return f"Events {first:,} to {last:,} are missing: the ladder would be wrong"
        if self._book.doubt is not None:
            return f"The ladder may be wrong until the next snapshot: {self._book.doubt}"
        return None
