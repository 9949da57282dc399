"""From the events of a market to the messages that tell them.

One input message is answered with at most one message a topic, unless it spans minutes of market time (an envelope
lies within one) or its answer is too large for one Kafka message.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from msgspec import Struct

from streaming.contracts.codec import MINUTE, encode, encode_actions
from streaming.contracts.commands import AnyCommand, Clock, DeclareAction, SetSession
from streaming.contracts.events import BookEvent, BookSnapshot, CorporateAction, MarketStatus, Price, Rejected, Trade
from streaming.contracts.topics import (
    BOOK_SNAPSHOTS,
    CORPORATE_ACTIONS,
    MARKET_STATUS,
    ORDER_EVENTS,
    PRICES,
    TRADES,
    Topic,
)
from streaming.matching.market import SymbolMarket

MAX_ITEMS = 2_000
"""Most items in one message: no event is larger than 500 bytes of JSON, and Kafka's brokers take 1 MB at first."""

Quote = tuple[int | None, ...]


class Message(NamedTuple):
    """What goes to a topic, ready to send."""

    topic: str
    key: bytes
    value: bytes


class Teller:
    """Carries out the commands of one market, and tells what happened."""

    __slots__ = ("_apply", "_end", "_key", "_market", "_quote", "_symbol")

    def __init__(self, market: SymbolMarket) -> None:
        self._market = market
        self._apply = market.apply
        self._symbol = market.symbol
        self._key = market.symbol.encode()
        self._quote = _quote(market.price())
        self._end = _end_of_minute(market)

    def answer(self, commands: Sequence[AnyCommand]) -> list[Message]:
        """Carry out the commands of one message.

        Where time passed, `order-events`, `trades` and `prices` say so even if nobody did anything.
        """
        told: list[Message] = []
        events: list[BookEvent] = []
        ticked = moved = False
        for command in commands:
            # What comes before an action and what comes after it are told apart.
            ends = command.event_time >= self._end or type(command) is DeclareAction
            if ends and (events or moved):
                self._tell(told, events, ticked, moved)
                events, ticked, moved = [], False, False
            happened = self._apply(command)
            if len(happened) != 1 or type(happened[0]) is not Rejected:  # a refusal alone moves no price
                moved = True
                kind = type(command)
                if kind is Clock or kind is SetSession:
                    ticked = True
            if events:
                events += happened
            else:
                events = happened
            if ends:
                self._end = _end_of_minute(self._market)
                if type(command) is DeclareAction:
                    self._tell(told, events, ticked, moved)
                    events, ticked, moved = [], False, False
        self._tell(told, events, ticked, moved)
        return told

    def book(self, parts: Sequence[BookSnapshot]) -> list[Message]:
        """A message for each part of a snapshot."""
        return [self._message(BOOK_SNAPSHOTS, [part], part.event_time) for part in parts]

    def _tell(self, told: list[Message], events: list[BookEvent], ticked: bool, moved: bool) -> None:
        """Put into messages what happened within a minute, and what moved by it."""
        orders: list[BookEvent] = []
        trades: list[BookEvent] = []
        statuses: list[BookEvent] = []
        actions: list[CorporateAction] = []
        for event in events:
            if isinstance(event, CorporateAction):
                actions.append(event)
                continue
            kind = type(event)
            (trades if kind is Trade else statuses if kind is MarketStatus else orders).append(event)
        if orders:
            self._envelopes(told, ORDER_EVENTS, orders)
        if statuses:
            self._envelopes(told, MARKET_STATUS, statuses)
        if trades:
            self._envelopes(told, TRADES, trades)
        if actions:
            self._envelopes(told, CORPORATE_ACTIONS, actions)
            value = encode_actions(self._symbol, actions, actions[-1].event_time)
            told.append(Message(TRADES.name, self._key, value))
        market = self._market
        if not moved or not market.known:
            return
        now = market.now
        # A timer may have fired in a minute before.
        if ticked and not (orders and orders[-1].event_time // MINUTE == now // MINUTE):
            told.append(self._message(ORDER_EVENTS, [], now))
        if ticked and not (trades and trades[-1].event_time // MINUTE == now // MINUTE):
            told.append(self._message(TRADES, [], now))
        price = market.price()
        quote = _quote(price)
        if ticked or quote != self._quote:
            told.append(self._message(PRICES, [price], now))
            self._quote = quote

    def _envelopes(self, told: list[Message], topic: Topic, items: Sequence[BookEvent]) -> None:
        last = items[-1].event_time
        # The market's time never goes back; but who is a stranger to it is answered at his own.
        if len(items) <= MAX_ITEMS and items[0].event_time // MINUTE == last // MINUTE and self._market.known:
            told.append(self._message(topic, items, last))
            return
        for _, together in groupby(items, key=lambda item: item.event_time // MINUTE):
            minute = list(together)
            for start in range(0, len(minute), MAX_ITEMS):
                part = minute[start : start + MAX_ITEMS]
                told.append(self._message(topic, part, part[-1].event_time))

    def _message(self, topic: Topic, items: Sequence[Struct], event_time: int) -> Message:
        return Message(topic.name, self._key, encode(topic, self._symbol, items, event_time))


def _end_of_minute(market: SymbolMarket) -> int:
    """When the minute ends that the market is in; a stranger's has no time, and each command is told alone."""
    return (market.now // MINUTE + 1) * MINUTE if market.known else 0


def _quote(price: Price) -> Quote:
    """What is worth telling of a price."""
    return (
        price.last_price,
        price.bid_price,
        price.bid_quantity,
        price.ask_price,
        price.ask_quantity,
        price.indicative_price,
        price.indicative_quantity,
        price.volume,
    )
