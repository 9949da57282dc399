"""Lets the live market's time pass: `python -m simulators.market_clock`.

Each second it tells every symbol the time, opens and closes the trading days, one after another, and makes the
instruments known on a new exchange. Its only memory is the market's time, committed as a consumer group's offset in
the Kafka transaction that tells it: killed anywhere, the next clock goes on from there.
"""

from __future__ import annotations

import datetime as dt
import signal
import time
from collections.abc import Sequence
from threading import Event

import structlog
from confluent_kafka import Consumer, Producer, TopicPartition

from simulators.agenda import GATHERING
from simulators.calendar import TradingDay, first_day_after, last_complete_trading_day
from simulators.corporate import declared
from simulators.feed import Feed
from simulators.history import define
from simulators.market_time import committed, market_time
from simulators.population import Population, load_population
from simulators.settings import simulator_settings
from streaming.contracts.codec import MINUTE, encode
from streaming.contracts.commands import AnyCommand, Clock, Session, SetSession
from streaming.contracts.events import Price
from streaming.contracts.kafka import consumer_config, producer_config
from streaming.contracts.provision import create_topics
from streaming.contracts.reference import Instrument, instruments
from streaming.contracts.settings import Settings, settings
from streaming.contracts.topics import ORDERS, PRICES

log = structlog.get_logger("market_clock")

GROUP = "market-clock"
TIMEOUT = 60.0
SECOND = 1_000_000


def next_tick(now: int, step: int, day: TradingDay) -> int:
    """The market's time one tick after `now`: it stops where a session of `day` begins, and at its end.

    Before the first of them it stops where the day's corporate actions are told.
    """
    begins, opens, closes, ends = bounds(day)
    if now < begins:
        return begins if now >= begins - MINUTE else begins - MINUTE
    for stop in (opens, closes, ends):
        if now < stop:
            return min(now + step, stop)
    return day.end


def bounds(day: TradingDay) -> tuple[int, int, int, int]:
    """When orders begin to gather, when they trade at once, when they gather again, and the last moment of it.

    The last moment lies within the last minute, so that what the closing auction trades is of that minute.
    """
    return day.open - GATHERING * MINUTE, day.open, day.close - GATHERING * MINUTE, day.close - 1


def tick_commands(
    now: int, day: TradingDay, listed: Sequence[Instrument], untraded: Sequence[str], people: Population
) -> list[AnyCommand]:
    """What every symbol is told when the market's time gets to `now`; `untraded` symbols open at their first price."""
    if now == bounds(day)[0] - MINUTE:
        commands: list[AnyCommand] = []
        for item in listed:
            commands += declared(people, item.symbol, day.date, now) or [Clock(symbol=item.symbol, event_time=now)]
        return commands
    sessions: tuple[Session, ...] = ("opening_auction", "continuous", "closing_auction", "closed")
    session = dict(zip(bounds(day), sessions, strict=True)).get(now)
    if session is None:
        return [Clock(symbol=item.symbol, event_time=now) for item in listed]
    return [
        SetSession(
            symbol=item.symbol,
            session=session,
            trading_date=str(day.date),
            reference_price=item.initial_price if session == "opening_auction" and item.symbol in untraded else None,
            close_time=bounds(day)[2] if session == "continuous" else None,
            event_time=now,
        )
        for item in listed
    ]


class MarketClock:
    """Tells the time, exactly once. A second clock fences the first."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = Producer(producer_config(settings, transactional_id=GROUP))
        self._producer.init_transactions(TIMEOUT)
        self._consumer = Consumer(consumer_config(settings, GROUP))
        self._listed = instruments()

    def now(self) -> int | None:
        """The market's time; None on a new exchange."""
        return max(committed(self._consumer), market_time(self._settings) or 0) or None

    def tell(self, now: int, commands: Sequence[AnyCommand]) -> None:
        """Send the commands, and remember that the market's time is `now`."""
        producer = self._producer
        producer.begin_transaction()
        for command in commands:
            value = encode(ORDERS, command.symbol, [command], command.event_time)
            producer.produce(ORDERS.name, key=command.symbol, value=value)
        offsets = [TopicPartition(ORDERS.name, 0, now)]
        producer.send_offsets_to_transaction(offsets, self._consumer.consumer_group_metadata(), TIMEOUT)
        producer.commit_transaction(TIMEOUT)

    def run(self, stop: Event, speed: int) -> None:
        """Tell the time each second until `stop`; `speed` market seconds pass in a second."""
        now = self.now()
        people = load_population(simulator_settings().population)
        if now is None:
            day = first_day_after(last_complete_trading_day(dt.datetime.now(dt.UTC)).end)
            now = bounds(day)[0] - MINUTE
            self.tell(now, [define(item, now, people.market.price_bands) for item in self._listed])
        log.info("started", market_time=_told(now), speed=speed)
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1.0, time.monotonic())  # seconds that were missed are not made up for
            day = first_day_after(now)
            now = next_tick(now, speed * SECOND, day)
            untraded = self._untraded() if now == bounds(day)[0] else ()
            self.tell(now, tick_commands(now, day, self._listed, untraded, people))
            if now in (day.open, day.close - 1):
                log.info("opened" if now == day.open else "closed", trading_date=str(day.date))
        log.info("stopped", market_time=_told(now))

    def _untraded(self) -> list[str]:
        """The symbols that have no last price yet."""
        traded = set()
        feed = Feed(self._settings, GROUP)
        try:
            for heard in feed.read_to_end(feed.tail(PRICES)):
                for item in heard.said.items:
                    if isinstance(item, Price) and item.last_price is not None:
                        traded.add(item.symbol)
        finally:
            feed.close()
        return [item.symbol for item in self._listed if item.symbol not in traded]


def _told(micros: int) -> str:
    return dt.datetime.fromtimestamp(micros / SECOND, dt.UTC).isoformat()


def main() -> None:
    """Run the service until it is told to stop."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    create_topics(settings())
    MarketClock(settings()).run(stop, simulator_settings().speed)


if __name__ == "__main__":
    main()
