"""The market of one symbol as a pure function: `apply(command) -> events`. docs/rule-book.md says what it does.

Nothing here reads a clock, a file or the network: the same commands always give the same events, to the byte.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import astuple

from streaming.contracts.commands import (
    AnyCommand,
    CancelAll,
    CancelOrder,
    Clock,
    DeclareAction,
    DefineInstrument,
    DefineTrader,
    Halt,
    NewOrder,
    ReplaceOrder,
    Resume,
    Session,
    SetSession,
)
from streaming.contracts.events import BookEvent, BookSnapshot, Price, Rejected
from streaming.matching import corporate, orders, saving, sessions, views
from streaming.matching.book import Book
from streaming.matching.matching import settle
from streaming.matching.rules import Rules
from streaming.matching.state import State

# Names of this module: the compiled form finds these at once, and looks the imported ones up.
ASTUPLE: Final = astuple
NEW: Final = NewOrder
CANCEL: Final = CancelOrder
TRADERS: Final = frozenset({ReplaceOrder, CancelAll, NewOrder, CancelOrder})
AHEAD: Final = 900_000_000
"""How far ahead of the last control command a trader's command may be, in microseconds."""


class SymbolMarket:
    """One symbol's book, session and rules.

    A market with reference data knows no orders before its `instrument` and is closed before its first `session`.
    A `bare` market trades from the first command: tick 0.01 dollar, lot 1, no collar; it obeys what it is told later.
    """

    def __init__(self, symbol: str, bare: bool = False) -> None:
        self._state = State(symbol, bare)

    @property
    def symbol(self) -> str:
        """The symbol that is traded here."""
        return self._state.symbol

    @property
    def known(self) -> bool:
        """Whether the symbol exists. While it does not, no command but `instrument` changes anything."""
        return self._state.rules is not None

    @property
    def session(self) -> Session:
        """Which part of the trading day it is."""
        return self._state.session

    @property
    def matching(self) -> bool:
        """Whether orders trade at once."""
        return self._state.matching

    @property
    def book(self) -> Book:
        """The limit orders that stand."""
        return self._state.book

    @property
    def sequence(self) -> int:
        """The number of the last event."""
        return self._state.sequence

    @property
    def now(self) -> int:
        """The market's time, in microseconds since the Unix epoch, UTC."""
        return self._state.now

    def apply(self, command: AnyCommand) -> list[BookEvent]:
        """Carry out a command and tell what happened, in order. The command must be of this symbol."""
        state = self._state
        events: list[BookEvent] = []
        state.events = events
        rules = state.rules
        if rules is None:
            if not isinstance(command, DefineInstrument):
                return _unknown_symbol(command)
            rules = Rules()
        kind = type(command)
        # All fields at once: reading them one by one costs more than anything else here.
        fields: tuple[Any, ...] = ASTUPLE(command)
        event_time: int = fields[-1]
        if kind is NEW or kind is CANCEL or kind in TRADERS:
            if event_time > state.controlled + AHEAD and not state.bare:
                state.reject(getattr(command, "order_id", None), command.trader_id, "invalid_event_time")  # type: ignore[union-attr]
                return events
        elif event_time > state.controlled:
            state.controlled = event_time
        if state.due() <= event_time:
            sessions.run_timers(state, rules, event_time)
        if event_time > state.now:
            state.now = event_time
        if kind is NEW:
            orders.new(state, rules, fields)
        elif kind is CANCEL:
            orders.cancel(state, fields[0], fields[1])
        elif kind is not Clock:
            self._seldom(state, rules, command)
        if state.high or state.bands is not None:
            settle(state)
        return events

    @staticmethod
    def _seldom(state: State, rules: Rules, command: AnyCommand) -> None:
        if isinstance(command, ReplaceOrder):
            orders.replace(state, rules, command)
        elif isinstance(command, CancelAll):
            orders.cancel_all(state, command)
        elif isinstance(command, SetSession):
            sessions.set_session(state, rules, command)
        elif isinstance(command, DefineInstrument):
            state.rules = Rules.of(command)
        elif isinstance(command, DefineTrader):
            state.trader(command.trader_id).prevention = command.self_trade_prevention
        elif isinstance(command, Halt):
            sessions.halt(state)
        elif isinstance(command, Resume):
            sessions.resume(state, rules)
        elif isinstance(command, DeclareAction):
            corporate.declare(state, rules, command)

    def price(self) -> Price:
        """Last price, best bid and best ask, or what an auction would trade, as they are now."""
        return views.price(self._state)

    def best(self) -> tuple[int | None, int, int | None, int]:
        """The best bid and ask, each with the shares shown there; None and 0 where there is none, or orders gather."""
        return views.best(self._state)

    def snapshot(self) -> list[BookSnapshot]:
        """The whole book as it is now, in parts of at most `views.SNAPSHOT_ORDERS` orders."""
        return views.snapshot(self._state)

    def dump(self) -> bytes:
        """The market's whole state, priorities included, for `load`."""
        return saving.dump(self._state)

    @classmethod
    def load(cls, data: bytes) -> SymbolMarket:
        """The market that `dump` saved; msgspec.DecodeError where the bytes are no such thing."""
        state = saving.load(data)
        market = cls(state.symbol)
        market._state = state
        return market


def _unknown_symbol(command: AnyCommand) -> list[BookEvent]:
    if not isinstance(command, NewOrder | CancelOrder | ReplaceOrder | CancelAll):
        return []
    return [
        Rejected(
            order_id=getattr(command, "order_id", None),  # a cancel_all names none
            trader_id=command.trader_id,
            symbol=command.symbol,
            reason="unknown_symbol",
            event_time=command.event_time,
        )
    ]
