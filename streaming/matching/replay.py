"""A file of commands through the pure exchange: one JSON object a line in, one a line out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

import msgspec

from streaming.contracts.codec import UNREADABLE
from streaming.contracts.commands import AnyCommand, Clock
from streaming.contracts.events import BookEvent, Rejected
from streaming.matching.exchange import Exchange, SymbolMarket

BATCH = 4_096
"""How many events are encoded, counted and written at once."""


class Reject(msgspec.Struct, frozen=True):
    """A line that is no command: its number from 1, why, the decoder's words, and its bytes in base 64."""

    line: int
    reason: Literal["not_json", "not_a_command"]
    detail: str
    payload: bytes


@dataclass
class Counts:
    """What a replay did: `kinds` counts events by kind, `reasons` rejections by reason code."""

    commands: int = 0
    malformed: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def events(self) -> int:
        """How many events there were."""
        return self.kinds.total()


def replay(
    lines: Iterable[bytes],
    apply: Callable[[AnyCommand], list[BookEvent]],
    events: BinaryIO | None,
    on_reject: Callable[[Reject], None],
) -> Counts:
    """Have every command in `lines` carried out, in order, and write what happened to `events`.

    A line that is no command is given to `on_reject`, and the replay goes on. Blank lines are passed over. OSError
    where reading or writing fails.
    """
    decode = msgspec.json.Decoder(AnyCommand).decode
    encode_lines = msgspec.json.Encoder().encode_lines
    counts, kinds = Counts(), Counter[type[BookEvent]]()
    batch: list[BookEvent] = []
    number, blank = 0, 0

    def flush() -> None:
        if events is not None:
            events.write(encode_lines(batch))
        kinds.update(map(type, batch))
        counts.reasons.update([event.reason for event in batch if type(event) is Rejected])
        batch.clear()

    for number, line in enumerate(lines, 1):
        try:
            command = decode(line)
        except UNREADABLE as error:
            if not line.strip():
                blank += 1
                continue
            counts.malformed += 1
            on_reject(_reject(number, line, error))
            continue
        batch += apply(command)
        if len(batch) >= BATCH:
            flush()
    flush()
    counts.commands = number - counts.malformed - blank
    counts.kinds.update({str(kind.__struct_config__.tag): count for kind, count in kinds.items()})
    return counts


def _reject(number: int, line: bytes, error: Exception) -> Reject:
    invalid = isinstance(error, msgspec.ValidationError)
    return Reject(number, "not_a_command" if invalid else "not_json", str(error), line.rstrip(b"\r\n"))


@dataclass(frozen=True)
class Standing:
    """A market as it stood at a time: `last` is its time before that (0: nothing came), `later` whether more came."""

    market: SymbolMarket
    last: int
    later: bool


class Watch:
    """An exchange at work, and how each of its markets stood at `time`.

    That is after all of the symbol's commands up to `time`, and the timers that were due by then.
    """

    def __init__(self, exchange: Exchange, time: int) -> None:
        self.time = time
        self._exchange = exchange
        self._stood: dict[str, Standing] = {}

    def apply(self, command: AnyCommand) -> list[BookEvent]:
        """Have the exchange carry out a command."""
        symbol, exchange = command.symbol, self._exchange
        if command.event_time <= self.time or symbol in self._stood:
            return exchange.apply(command)
        before = self._copy(symbol)
        events = exchange.apply(command)
        after = exchange.markets.get(symbol)
        if after is not None and after.now > self.time:  # a command refused as too far ahead moves no clock
            self._stood[symbol] = self._at_time(before, later=True)
        return events

    def standing(self) -> dict[str, Standing]:
        """Every symbol's market as it stood at the time, by symbol, once all commands were carried out."""
        symbols = sorted(self._exchange.markets)
        return {symbol: self._stood.get(symbol) or self._at_time(self._copy(symbol), later=False) for symbol in symbols}

    def _copy(self, symbol: str) -> SymbolMarket:
        market = self._exchange.markets.get(symbol)
        if market is None:
            return SymbolMarket(symbol, bare=self._exchange.bare)
        return SymbolMarket.load(market.dump())

    def _at_time(self, market: SymbolMarket, *, later: bool) -> Standing:
        last = market.now
        market.apply(Clock(symbol=market.symbol, event_time=self.time))
        return Standing(market, last, later)
