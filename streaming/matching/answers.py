"""From the events of a market to the messages that tell them.

One input message is answered with at most one message a topic, unless it spans minutes of market time (an envelope
lies within one) or its answer is too large for one Kafka message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from streaming.contracts.codec import MINUTE, encode
from streaming.contracts.commands import AnyCommand, Clock, DefineInstrument, SetSession
from streaming.contracts.events import BookEvent, BookSnapshot, MarketStatus, OrderEvent, Price, Trade
from streaming.contracts.topics import BOOK_SNAPSHOTS, MARKET_STATUS, ORDER_EVENTS, PRICES, TRADES, Topic
from streaming.matching.market import SymbolMarket

MAX_ITEMS = 2_000
"""Most items in one message: no event is larger than 450 bytes of JSON, and Kafka's brokers take 1 MB at first."""


class Message(Struct, frozen=True):
    """What goes to a topic, ready to send."""

    topic: str
    key: bytes
    value: bytes


class Minute:
    """What a market did within one minute of its time."""

    __slots__ = ("_before", "_events", "_market", "_statuses", "_ticked", "_trades", "number")

    def __init__(self, market: SymbolMarket, number: int) -> None:
        self.number = number
        self._market = market
        self._before = market.price()
        self._events: list[OrderEvent] = []
        self._trades: list[Trade] = []
        self._statuses: list[MarketStatus] = []
        self._ticked = False

    def add(self, command: AnyCommand, events: Sequence[BookEvent]) -> None:
        """Note a command and what it led to."""
        if isinstance(command, Clock | SetSession):
            self._ticked = True
        for event in events:
            if isinstance(event, Trade):
                self._trades.append(event)
            elif isinstance(event, MarketStatus):
                self._statuses.append(event)
            else:
                self._events.append(event)

    def messages(self) -> Iterator[Message]:
        """Everything that is to be told. Where time passed, `trades` and `prices` say so even if nobody traded."""
        market = self._market
        yield from self._of(ORDER_EVENTS, self._events)
        yield from self._of(MARKET_STATUS, self._statuses)
        yield from self._of(TRADES, self._trades)
        if not market.known:
            return
        if self._ticked and not self._trades:
            yield message(TRADES, market.symbol, [], market.now)
        price = market.price()
        if self._ticked or _differs(price, self._before):
            yield message(PRICES, market.symbol, [price], market.now)

    def _of(self, topic: Topic, items: Sequence[OrderEvent | MarketStatus | Trade]) -> Iterator[Message]:
        for start in range(0, len(items), MAX_ITEMS):
            part = items[start : start + MAX_ITEMS]
            yield message(topic, self._market.symbol, part, part[-1].event_time)


def message(topic: Topic, key: str, items: Sequence[Struct], event_time: int) -> Message:
    """One envelope."""
    return Message(topic.name, key.encode(), encode(topic, key, items, event_time))


def snapshots(parts: Sequence[BookSnapshot]) -> Iterator[Message]:
    """A message for each part of a snapshot."""
    for part in parts:
        yield message(BOOK_SNAPSHOTS, part.symbol, [part], part.event_time)


def minute_of(market: SymbolMarket, command: AnyCommand) -> int:
    """The minute of market time that a command will be carried out in."""
    if market.known or isinstance(command, DefineInstrument):
        return max(market.now, command.event_time) // MINUTE
    return command.event_time // MINUTE  # an unknown symbol has no time of its own


def _differs(price: Price, before: Price) -> bool:
    return _quote(price) != _quote(before)


def _quote(price: Price) -> tuple[int | None, ...]:
    bid, ask = (price.bid_price, price.bid_quantity), (price.ask_price, price.ask_quantity)
    return (price.last_price, price.volume, *bid, *ask)
