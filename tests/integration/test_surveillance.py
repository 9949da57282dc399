"""The surveillance rules on a real Kafka and Flink: a crafted day with each abuse and each of its look-alikes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from lakehouse.progress import opened
from stack.settings import StackSettings
from streaming.contracts import events, topics
from streaming.contracts.codec import MINUTE, decode, encode
from streaming.contracts.kafka import consumer_config, producer_config
from streaming.contracts.topics import TOPICS
from streaming.matching.answers import Message
from tests import surveillance_day as day

pytestmark = pytest.mark.timeout(420)

WAIT = 150
SYMBOLS = ("ACME", "BLUE")
ABUSE = {
    "spoofing": {2001},
    "layering": {2002},
    "wash_trading": {2003, 2004},
    "quote_stuffing": {2005},
    "momentum_ignition": {2006},
    "marking_the_close": {2008},
    "pump_and_dump": {2007},
}
PRICE_RULES = {"price_move", "price_spike", "volume_surge", "stale_quotes"}


def crafted(symbol: str) -> day.Day:
    made = day.Day(symbol, seed=1)

    def at(minute: int, script: Iterator[int]) -> None:
        made.start(made.open + minute * MINUTE, script)

    at(60, day.spoofing(made, 2001, "buy"))
    at(90, day.spoofing(made, 2002, "sell", cycles=4, orders=6))
    at(120, day.wash_trading(made, 2003, 2004))
    at(140, day.quote_stuffing(made, 2005))
    at(160, day.momentum_ignition(made, 2006))
    at(200, day.pump_and_dump(made, 2007))
    at(382, day.push(made, 2008, "buy", times=16, quantity=110, over=7 * MINUTE))
    at(30, day.sweep(made, 2010))
    at(1, day.worker(made, 2011))
    at(75, day.news(made, 2012))
    at(310, day.maker(made, 2013, quantity=60, pause=2.0, until=made.open + 325 * MINUTE))
    return made


@pytest.fixture(scope="module")
def stack(fresh_stack: Callable[..., StackSettings]) -> StackSettings:
    return fresh_stack("flink-jobs", checkpoint_seconds="3")


@pytest.fixture(scope="module")
def alerts(stack: StackSettings) -> list[events.Alert]:
    """What the rules say of the day, once the market's clock has gone on after the close."""
    publish(stack, [message for symbol in SYMBOLS for message in day.messages(symbol, crafted(symbol).run())])
    found: list[events.Alert] = []
    consumer = Consumer(consumer_config(stack, "test-surveillance"))
    consumer.subscribe([topics.ALERTS.name])
    deadline = time.monotonic() + WAIT
    quiet = 0
    while time.monotonic() < deadline and quiet < 20:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            found += decode(topics.ALERTS, message.value())
            quiet = 0
        elif len([alert for alert in found if alert.trader_ids]) >= len(ABUSE) * len(SYMBOLS):
            quiet += 1  # ten seconds, in which a false one would come
    consumer.close()
    return found


def publish(stack: StackSettings, messages: list[Message]) -> None:
    """In the order of the market's minutes, as the engine would; and its clock on `order-events` after the close."""
    clock = day.OPEN + (day.MINUTES + 5) * MINUTE
    messages = sorted(messages, key=lambda message: envelope_time(message) // MINUTE)
    for symbol in SYMBOLS:
        value = encode(topics.ORDER_EVENTS, symbol, [], clock)
        messages.append(Message(topics.ORDER_EVENTS.name, symbol.encode(), value))
    producer = Producer(producer_config(stack, transactional_id="test-surveillance"))
    producer.init_transactions(60)
    for start in range(0, len(messages), 500):
        producer.begin_transaction()
        for topic, key, value in messages[start : start + 500]:
            producer.produce(topic, value, key=key)
        producer.commit_transaction(60)


def envelope_time(message: Message) -> int:
    topic = next(topic for topic in TOPICS if topic.name == message.topic)
    items = decode(topic, message.value)
    return items[-1].event_time if items else int(message.value.split(b'"event_time":')[1].split(b",")[0])


def test_each_abuse_raises_one_alert_and_no_look_alike_raises_any(alerts: list[events.Alert]) -> None:
    found = sorted((a.symbol, a.rule, sorted(a.trader_ids)) for a in alerts if a.rule not in PRICE_RULES)
    assert found == sorted((symbol, rule, sorted(who)) for symbol in SYMBOLS for rule, who in ABUSE.items())


def test_alerts_bring_their_evidence(alerts: list[events.Alert]) -> None:
    for alert in alerts:
        assert alert.begin <= alert.end <= alert.event_time
        assert abs(alert.score) >= alert.threshold
        assert len(alert.order_ids) <= 50
        assert bool(alert.order_ids) is bool(alert.trader_ids) is (alert.rule not in PRICE_RULES)
    assert len({alert.alert_id for alert in alerts}) == len(alerts)


def test_the_alerts_come_into_the_lake(stack: StackSettings, alerts: list[events.Alert]) -> None:
    expected = {alert.alert_id: (alert.trader_ids, alert.order_ids) for alert in alerts}
    deadline = time.monotonic() + 60
    rows: dict[str, Any] = {}
    while time.monotonic() < deadline and len(rows) < len(expected):
        with opened(stack) as lake:
            table = lake.load_table("market.alerts").scan().to_arrow().to_pylist()
        rows = {row["alert_id"]: (row["trader_ids"], row["order_ids"]) for row in table}
        time.sleep(1)
    assert rows == expected
