"""LOBSTER's files: a message file, and an order-book file whose k-th row is the book after the k-th message.

The form is of https://lobsterdata.com/info/DataStructure.php; docs/exports.md says what becomes what.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lakehouse.exports.days import Day
from lakehouse.exports.output import written
from lakehouse.reconstruction.changes import Added, Change, Crossed, Executed, Halted, Reduced, Update

SUBMISSION, CANCELLATION, DELETION, EXECUTION, HIDDEN_EXECUTION, CROSS, HALT = 1, 2, 3, 4, 5, 6, 7
SELL, BUY = -1, 1
NO_ASK, NO_BID = "9999999999,0", "-9999999999,0"
"""A level without orders: price and size."""
MINUTE_MS = 60_000

Message = tuple[int, int, int, int, int]
"""Type, order id, size, price in 1/10,000 dollar, direction."""


def write_lobster(
    day: Day, levels: int, folder: Path, *, force: bool, progress: Callable[[Iterable[Update]], Iterable[Update]] = iter
) -> tuple[Path, Path, int]:
    """Write both files with `levels` prices a side; their paths, and how many messages they hold.

    ExportError where a file is there already and not to be overwritten by `force`.
    """
    messages, book = (folder / f"{stem(day)}_{kind}_{levels}.csv" for kind in ("message", "orderbook"))
    sides = Levels(1), Levels(-1)
    count = 0
    with written([messages, book], force=force) as (message_file, book_file):
        for time, change in _changes(day, progress):
            for message in messages_of(change):
                apply(sides, change, message)
                message_file.write(f"{seconds(time - day.midnight)},{','.join(map(str, message))}\n")
                book_file.write(row(sides, levels))
                count += 1
    return messages, book, count


def stem(day: Day) -> str:
    """Ticker, date, and the whole minutes that the day's events lie in, in milliseconds after midnight."""
    first, last = ((time - day.midnight) // 1_000 for time in (day.first, day.last))
    end = -(-(day.last - day.midnight) // 60_000_000) * MINUTE_MS
    begin = first // MINUTE_MS * MINUTE_MS
    return f"{day.symbol}_{day.date}_{begin}_{max(end, last // MINUTE_MS * MINUTE_MS)}"


def _changes(day: Day, progress: Callable[[Iterable[Update]], Iterable[Update]]) -> Iterator[tuple[int, Change]]:
    """What stands from before comes first, as if it were submitted with the day's first event."""
    if day.halted:
        yield day.first, Halted(0, halted=True)
    for order in day.opening:
        yield day.first, order
    for update in progress(day.updates):
        for change in update.changes:
            yield update.time, change


def messages_of(change: Change) -> list[Message]:
    """The messages that tell a change; none for a trade: the executions of standing orders tell it."""
    match change:
        case Added():
            return [(SUBMISSION, change.order, change.size, change.price, _direction(change.buy))]
        case Reduced():
            kind = CANCELLATION if change.left else DELETION
            return [(kind, change.order, change.size, change.price, _direction(change.buy))]
        case Executed():
            shown = (EXECUTION, change.order, change.size, change.price, _direction(change.buy))
            hidden = (HIDDEN_EXECUTION, 0, change.hidden, change.trade_price, _direction(change.buy))
            return [message for message in (shown, hidden) if message[2]]
        case Crossed():
            return [(CROSS, 0, change.size, change.price, SELL)]
        case Halted():
            return [(HALT, 0, 0, -1 if change.halted else 1, SELL)]
    return []


def _direction(buy: bool) -> int:
    return BUY if buy else SELL


def seconds(micros: int) -> str:
    """Microseconds after midnight as seconds with nanosecond decimals."""
    return f"{micros // 1_000_000}.{micros % 1_000_000:06}000"


class Levels:
    """The shown shares at each price of one side; `sign` 1 for asks, -1 for bids."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._sizes: dict[int, int] = {}
        self._ranks: list[int] = []

    def change(self, price: int, size: int) -> None:
        """Let a price have more shares, or fewer."""
        rank = self._sign * price
        before = self._sizes.get(rank, 0)
        self._sizes[rank] = before + size
        if not before:
            insort(self._ranks, rank)
        elif before + size == 0:
            del self._ranks[bisect_left(self._ranks, rank)], self._sizes[rank]

    def best(self, levels: int) -> list[str]:
        """Price and size of the best prices, best first."""
        return [f"{self._sign * rank},{self._sizes[rank]}" for rank in self._ranks[:levels]]


def apply(sides: tuple[Levels, Levels], change: Change, message: Message) -> None:
    """What a message does to the book; `sides` are asks and bids."""
    kind, _, size, _, direction = message
    if isinstance(change, Added | Reduced | Executed) and kind != HIDDEN_EXECUTION:
        sides[direction == BUY].change(change.price, size if kind == SUBMISSION else -size)


def row(sides: tuple[Levels, Levels], levels: int) -> str:
    """A line of the order-book file."""
    asks, bids = (side.best(levels) for side in sides)
    asks += [NO_ASK] * (levels - len(asks))
    bids += [NO_BID] * (levels - len(bids))
    return ",".join([f"{ask},{bid}" for ask, bid in zip(asks, bids, strict=True)]) + "\n"
