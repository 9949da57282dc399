"""Publishes the outbox to Kafka, exactly once: `python -m streaming.settlement.relay`.

The place in the outbox is committed as a consumer group's offset in the same Kafka transaction as the messages, so
that both are there or neither. Killed anywhere, the next relay aborts what was open and goes on after the last
committed row. Dead letters go the same way, from their own table to their own topic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any

import psycopg
import structlog
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from streaming.contracts.codec import MINUTE, encode
from streaming.contracts.events import DeadLetter, PortfolioUpdate
from streaming.contracts.kafka import consumer_config, producer_config
from streaming.contracts.settings import Settings
from streaming.contracts.topics import DEAD_LETTERS, PORTFOLIO_UPDATES, Topic
from streaming.settlement.feed import LostMessagesError
from streaming.settlement.ledger import become_only
from streaming.settlement.position import ID_HEADER, last_in_topic
from streaming.settlement.running import keep_going, main
from streaming.settlement.sql import statement

log = structlog.get_logger("relay")

GROUP = "settlement-relay"
RELAY_LOCK = 0x72656C61
ROWS = 5_000
"""Rows of one Kafka transaction, at most."""
IDLE_WAIT = 1.0
TIMEOUT = 30.0
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Outgoing:
    """One Kafka message; `last_id` is the outbox id of its last item."""

    key: str
    value: bytes
    last_id: int


@dataclass(frozen=True)
class Stream:
    """A table of the outbox and where it goes."""

    topic: Topic
    query: str
    messages: Callable[[list[Row]], list[Outgoing]]

    @property
    def place(self) -> TopicPartition:
        """Where the progress is kept: Kafka takes offsets only of partitions that there are."""
        return TopicPartition(self.topic.name, 0)


def update_messages(rows: list[Row]) -> list[Outgoing]:
    """One message for a trader's updates within a minute of market time, in the outbox's order for every trader."""
    messages: list[Outgoing] = []
    minute: int | None = None
    together: dict[int, list[tuple[int, PortfolioUpdate]]] = {}
    names = PortfolioUpdate.__struct_fields__
    for number, *values in rows:
        update = PortfolioUpdate(**dict(zip(names, values, strict=True)))
        if update.event_time // MINUTE != minute:
            messages += [_update_message(updates) for updates in together.values()]
            together.clear()
            minute = update.event_time // MINUTE
        together.setdefault(update.trader_id, []).append((number, update))
    return messages + [_update_message(updates) for updates in together.values()]


def _update_message(numbered: list[tuple[int, PortfolioUpdate]]) -> Outgoing:
    trader_id = numbered[0][1].trader_id
    updates = [update for _, update in numbered]
    value = encode(PORTFOLIO_UPDATES, trader_id, updates, updates[-1].event_time)
    return Outgoing(str(trader_id), value, numbered[-1][0])


def letter_messages(rows: list[Row]) -> list[Outgoing]:
    """One message a dead letter: a bad one must not take others along."""
    messages = []
    for number, topic, partition, offset, reason, detail, payload, event_time in rows:
        letter = DeadLetter(
            topic=topic,
            partition=partition,
            offset=offset,
            reason=reason,
            detail=detail,
            payload=payload,
            event_time=event_time,
        )
        messages.append(Outgoing(topic, encode(DEAD_LETTERS, topic, [letter], event_time), number))
    return messages


STREAMS = (
    Stream(PORTFOLIO_UPDATES, "unrelayed", update_messages),
    Stream(DEAD_LETTERS, "unrelayed_dead_letters", letter_messages),
)


def run(settings: Settings, stop: Event) -> None:
    """Publish until `stop` is set. LostMessagesError where Kafka lacks what was published; servers are waited for."""
    keep_going(_session, settings, stop)


def _session(settings: Settings, stop: Event) -> None:
    with psycopg.connect(
        settings.postgres(), autocommit=True, connect_timeout=10, application_name="tickhouse relay"
    ) as database:
        become_only(database, RELAY_LOCK, "the outbox's topics", float("inf"), stop.is_set)
        database.execute("listen outbox")
        producer = Producer(producer_config(settings, transactional_id=GROUP))
        producer.init_transactions(TIMEOUT)  # aborts what a killed relay left open, and shuts out one that hangs
        places = Consumer(consumer_config(settings, GROUP))
        try:
            position = {stream.topic.name: _position(settings, database, places, stream) for stream in STREAMS}
            log.info("ready", **position)
            while not stop.is_set():
                moved = False
                for stream in STREAMS:
                    after = position[stream.topic.name]
                    rows = database.execute(statement(stream.query), {"after": after, "count": ROWS}).fetchall()
                    if rows:
                        publish(producer, places, stream, after, rows)
                        position[stream.topic.name] = rows[-1][0]
                        _remember(database, stream, rows[-1][0])
                        moved = True
                if not moved:
                    for _ in database.notifies(timeout=IDLE_WAIT, stop_after=1):
                        pass
            log.info("stopped", **position)
        finally:
            places.close()


def publish(producer: Producer, places: Consumer, stream: Stream, after: int, rows: list[Row]) -> None:
    """One Kafka transaction: the rows' messages, and the place after them. KafkaException where it did not happen."""
    if rows[0][0] != after + 1 or rows[-1][0] != after + len(rows):
        raise LostMessagesError(
            f"the outbox of {stream.topic.name} has a gap after {after}: {rows[0][0]} to {rows[-1][0]}"
        )
    failed: list[Any] = []

    def delivered(error: Any, _: Any) -> None:
        if error is not None:
            failed.append(error)

    producer.begin_transaction()
    for message in stream.messages(rows):
        headers = [(ID_HEADER, str(message.last_id).encode())]
        while True:
            try:
                producer.produce(stream.topic.name, message.value, message.key, headers=headers, on_delivery=delivered)
                break
            except BufferError:  # the client's queue is full
                producer.poll(0.1)
        producer.poll(0)
    place = TopicPartition(stream.topic.name, 0, rows[-1][0])
    producer.send_offsets_to_transaction([place], places.consumer_group_metadata(), TIMEOUT)
    producer.commit_transaction(TIMEOUT)
    if failed:
        raise KafkaException(failed[0])


def _position(settings: Settings, database: psycopg.Connection[Any], places: Consumer, stream: Stream) -> int:
    """The id of the last row that is in Kafka."""
    row = database.execute(statement("load_relayed"), {"topic": stream.topic.name}).fetchone()
    assert row
    known, last = row[0], row[1 + STREAMS.index(stream)]
    committed: int = places.committed([stream.place], TIMEOUT)[0].offset
    if committed < 0:
        # Never written, or forgotten: Kafka drops a group's offsets when they have been idle for long.
        committed = max(known, last_in_topic(settings, stream.topic.name))
        log.info("the place in the outbox was found again", topic=stream.topic.name, last_id=committed)
    if not known <= committed <= last:
        raise LostMessagesError(
            f"Kafka has {stream.topic.name} up to outbox row {committed}, but the ledger has {last} rows and knows "
            f"{known} of them to be in Kafka: one of the two lost data. Restore it, or start both anew"
        )
    return committed


def _remember(database: psycopg.Connection[Any], stream: Stream, last_id: int) -> None:
    database.execute(statement("save_relayed"), {"topic": stream.topic.name, "last_id": last_id})


if __name__ == "__main__":
    main(run)
