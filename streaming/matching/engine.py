"""The matching engine as a service: `python -m streaming.matching.engine`.

Quix Streams reads topic `orders`, hosts the markets, and writes their answers, their journals and the consumer's
offsets in one Kafka transaction. After a kill the next process takes over at once: it has the same transactional id and
is the same member of the group, so the one before is fenced and its open transaction aborted, not waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog
from quixstreams import Application, State, message_context
from quixstreams.models import Serializer, Topic
from quixstreams.models.serializers import SerializationContext

from streaming.contracts.kafka import PARTITIONER
from streaming.contracts.provision import create_topics
from streaming.contracts.settings import Settings, settings
from streaming.contracts.topics import (
    BOOK_SNAPSHOTS,
    DEAD_LETTERS,
    MARKET_STATUS,
    ORDER_EVENTS,
    ORDERS,
    PRICES,
    TRADES,
)
from streaming.matching.answers import Message
from streaming.matching.host import Host, Incoming, Pace
from streaming.matching.logs import configure_logs
from streaming.matching.settings import EngineSettings

log = structlog.get_logger()

GROUP = "matching"
OUTPUTS = (ORDER_EVENTS, TRADES, PRICES, MARKET_STATUS, BOOK_SNAPSHOTS, DEAD_LETTERS)
TRANSACTION_TIMEOUT = 15_000
"""Milliseconds after which Kafka aborts what a dead engine left open, if none follows it."""
SESSION_TIMEOUT = 10_000
"""Milliseconds after which another engine takes over the partitions of a dead one, if none follows it."""
MAX_MESSAGE_BYTES = 4_000_000
"""Before compression; a dead letter is larger than what it holds."""
REPORT_SECONDS = 10.0


class Value(Serializer):
    """Sends the bytes of a `Message` as they are."""

    def __call__(self, value: Message, ctx: SerializationContext) -> bytes:
        """The bytes that Kafka gets."""
        return value.value


def application(settings: Settings, engine: EngineSettings, host: Host) -> Application:
    """The Quix application: exactly-once, with its state in `<home>/state` and in a changelog topic."""
    name = f"{GROUP}-{engine.instance}"
    return Application(
        broker_address=settings.kafka,
        consumer_group=GROUP,
        processing_guarantee="exactly-once",
        commit_interval=engine.commit_interval,
        consumer_poll_timeout=min(0.1, engine.commit_interval),  # a quiet topic must not delay the commit
        auto_offset_reset="earliest",
        auto_recover_from_source_offset_out_of_range=False,  # never forget a book in silence
        state_dir=settings.home / "state" / f"engine-{engine.instance}",
        producer_extra_config={
            "transactional.id": name,
            "transaction.timeout.ms": TRANSACTION_TIMEOUT,
            "partitioner": PARTITIONER,
            "compression.type": "lz4",
            "linger.ms": 5,
            "message.max.bytes": MAX_MESSAGE_BYTES,
        },
        consumer_extra_config={
            "group.instance.id": name,
            "session.timeout.ms": SESSION_TIMEOUT,
            "heartbeat.interval.ms": SESSION_TIMEOUT // 4,
            "isolation.level": "read_committed",
        },
        on_message_processed=reporter(host),
        loglevel=None,  # `configure_logs` takes Quix's lines in
    )


def connect(app: Application, host: Host) -> None:
    """Let messages flow from `orders` through the host to every topic that the engine writes."""
    value = Value()
    outputs: dict[str, Topic] = {
        topic.name: app.topic(topic.name, value_serializer=value, key_serializer="bytes") for topic in OUTPUTS
    }
    orders = app.topic(ORDERS.name, value_deserializer="bytes", key_deserializer="bytes")

    def process(
        value: bytes | None, key: bytes | None, timestamp: int, _headers: Any, state: State[bytes, bytes]
    ) -> list[Message]:
        context = message_context()
        return host.process(Incoming(key, value, context.partition, context.offset, timestamp), state)

    answers = app.dataframe(orders).apply(process, stateful=True, expand=True, metadata=True)
    # Kafka's time of an answer is when it was given: latency is measured by it.
    answers = answers.set_timestamp(lambda *_: time.time_ns() // 1_000_000)
    answers.to_topic(lambda message, *_: outputs[message.topic], key=lambda message: message.key)


def reporter(host: Host) -> Callable[[str, int, int], None]:
    """A callback after each message that logs, every few seconds, what was done since."""
    last, since = time.monotonic(), (0, 0, 0)

    def report(_topic: str, _partition: int, _offset: int) -> None:
        nonlocal last, since
        now = time.monotonic()
        if now - last < REPORT_SECONDS:
            return
        counts = host.counts
        messages, commands, dead_letters = since
        log.info(
            "processed",
            messages=counts.messages - messages,
            commands=counts.commands - commands,
            dead_letters=counts.dead_letters - dead_letters,
            seconds=round(now - last, 1),
        )
        last, since = now, (counts.messages, counts.commands, counts.dead_letters)

    return report


def main() -> None:
    """Run until SIGTERM or SIGINT; what was taken in is then committed."""
    configure_logs()
    shared, engine = settings(), EngineSettings()
    create_topics(shared)
    host = Host(shared.kafka_partitions, Pace(engine.snapshot_commands, engine.snapshot_minutes))
    app = application(shared, engine, host)
    connect(app, host)
    log.info("starting", kafka=shared.kafka, state=str(app.config.state_dir), instance=engine.instance)
    app.run()
    log.info("stopped", messages=host.counts.messages, commands=host.counts.commands)


if __name__ == "__main__":
    main()
