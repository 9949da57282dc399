"""Partitions that move between engines, and a large book that comes back: nothing is lost, doubled or changed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from streaming.contracts.codec import encode
from streaming.contracts.commands import DefineInstrument, NewOrder, SetSession
from streaming.contracts.kafka import producer_config
from streaming.contracts.provision import create_topics
from streaming.contracts.settings import Settings
from streaming.contracts.topics import ORDER_EVENTS, ORDERS
from streaming.matching.engine import GROUP, SESSION_TIMEOUT
from tests.integration.matching_engine import Engine, Market, Reader, engines
from tests.matching_streams import START

pytestmark = [pytest.mark.timeout(600)]

SYMBOLS = ("ACME", "BLUE", "CRUX", "DUNE")
RATE, SECONDS = 200, 150
"""Messages a second while partitions move, and how long they last."""
LIVE = 100_000
RESTART_SECONDS = 30
"""What a busy machine may need; docs/benchmarks.md has what a quiet one took."""


@pytest.fixture
def settings(fresh_stack: Callable[..., Settings]) -> Settings:
    settings = fresh_stack("kafka")
    create_topics(settings)
    return settings


def share(settings: Settings) -> list[int]:
    """How many partitions of `orders` each engine of the group has, the most first."""
    admin = AdminClient({"bootstrap.servers": settings.kafka})
    (future,) = admin.describe_consumer_groups([GROUP]).values()
    try:
        found = future.result(30)
    except KafkaException:  # a new broker is still looking for the group's coordinator
        return []
    counts = [sum(p.topic == ORDERS.name for p in member.assignment.topic_partitions) for member in found.members]
    return sorted(counts, reverse=True) if found.state.name == "STABLE" else []


def test_partitions_that_move_between_engines_lose_double_and_change_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    market = Market(settings, SYMBOLS, commands=RATE * SECONDS * 6 // len(SYMBOLS), seed=5)

    def until_shared(wanted: list[int]) -> None:
        deadline = time.monotonic() + 60
        while share(settings) != wanted:
            assert time.monotonic() < deadline, f"the engines do not share the partitions as {wanted}"
            time.sleep(0.2)
        market.trades.grows(60)

    with engines(settings, tmp_path, 2) as (one, two):
        market.flow(RATE)
        one.start()
        until_shared([2])
        two.start()  # one partition moves, in the middle of the stream
        until_shared([1, 1])
        one.stop(signal.SIGKILL)  # and the other, of an engine that died with a transaction open
        until_shared([2])
        one.start()
        until_shared([1, 1])
        assert two.stop() == 0, two.log.read_text()[-3_000:]  # and back, of one that was told to stop
        until_shared([2])
        two.start()
        until_shared([1, 1])
        freeze(settings, one)  # taken for dead, and back when another has its partition
        if not one.running:
            one.start()
        until_shared([1, 1])
        assert market.left, "the partitions moved where nothing was at stake"
        market.finish()
        market.check()
        assert [one.stop(), two.stop()] == [0, 0]
    assert min(one.rebuilds, two.rebuilds) >= 4
    market.close()


def freeze(settings: Settings, engine: Engine) -> None:
    """Stop a process until the group has given its partitions to another, then let it go on."""
    assert engine.process is not None
    engine.process.send_signal(signal.SIGSTOP)
    deadline = time.monotonic() + 3 * SESSION_TIMEOUT / 1_000
    while share(settings) != [2]:
        assert time.monotonic() < deadline, "a frozen engine is not taken for dead"
        time.sleep(0.2)
    time.sleep(1)
    engine.process.send_signal(signal.SIGCONT)
    time.sleep(5)


def test_a_book_of_100_000_orders_is_matching_again_within_seconds(settings: Settings, tmp_path: Path) -> None:
    producer = Producer(producer_config(settings))
    events = Reader(settings, ORDER_EVENTS)

    def order(number: int, side: str, price: int) -> NewOrder:
        return NewOrder(
            order_id=number,
            trader_id=1 + number % 100,
            symbol="ACME",
            side=side,
            order_type="limit",
            price=price,
            quantity=10,
            event_time=START,
        )

    opening = [
        DefineInstrument(
            symbol="ACME", tick_size=100, lot_size=1, max_quantity=1_000, collar_bps=5_000, event_time=START
        ),
        SetSession(
            symbol="ACME", session="continuous", trading_date="2026-01-02", reference_price=1_000_000, event_time=START
        ),
    ]
    producer.produce(ORDERS.name, key="ACME", value=encode(ORDERS, "ACME", opening, START))
    numbers = range(1, LIVE + 1)
    for first in range(0, LIVE, 500):
        batch = [order(n, *_far(n)) for n in numbers[first : first + 500]]
        producer.produce(ORDERS.name, key="ACME", value=encode(ORDERS, "ACME", batch, START))
    producer.flush()
    with engines(settings, tmp_path) as (engine,):
        engine.start()
        events.until(lambda: events.count >= LIVE, 180)
        # One order in a message each, so that the log behind the snapshot is as long as it gets.
        for number in range(LIVE + 1, LIVE + 10_001):
            producer.produce(
                ORDERS.name, key="ACME", value=encode(ORDERS, "ACME", [order(number, *_far(number))], START)
            )
            producer.poll(0)
        producer.flush()
        events.until(lambda: events.count >= LIVE + 10_000, 120)
        engine.stop(signal.SIGKILL)
        events.drain()
        assert not any(item.startswith(b'{"event":"rejected"') for item in events.items["ACME"])
        number = LIVE + 10_001
        producer.produce(
            ORDERS.name, key="ACME", value=encode(ORDERS, "ACME", [order(number, "buy", 1_200_000)], START)
        )
        producer.flush()
        began, before = time.monotonic(), events.count
        engine.start()
        events.until(lambda: events.count > before, 60)
        took = time.monotonic() - began
        print(f"{LIVE:,} live orders, {took:.1f} s from the start of the process to its first answer")
        assert engine.rebuilds == 1
        assert took < RESTART_SECONDS
        assert engine.stop() == 0
    assert b'"order_id":%d' % number in events.items["ACME"][-1]
    events.close()


def _far(number: int) -> tuple[str, int]:
    """A side and a price at which orders rest."""
    return ("buy", 900_000 - 100 * (number % 2_000)) if number % 2 else ("sell", 1_100_000 + 100 * (number % 2_000))
