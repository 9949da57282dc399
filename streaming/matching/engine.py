"""The matching engine as a service: `python -m streaming.matching.engine`.

Quix Streams reads topic `orders`, hands each message to the host of the markets, and commits their answers, their
journals and the consumer's offsets in one Kafka transaction. After a kill the next process takes over at once: it has
the same transactional id and is the same member of the group, so the one before is fenced and its open transaction
aborted, not waited for.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from quixstreams import Application
from quixstreams.dataframe import StreamingDataFrame
from quixstreams.sinks import BaseSink

from streaming.contracts.kafka import PARTITIONER
from streaming.contracts.provision import create_topics
from streaming.contracts.settings import Settings, settings
from streaming.contracts.topics import ORDERS
from streaming.matching.answers import Message
from streaming.matching.host import Host, Pace
from streaming.matching.journal import Store
from streaming.matching.logs import configure_logs
from streaming.matching.settings import EngineSettings

log = structlog.get_logger()

GROUP = "matching"
TRANSACTION_TIMEOUT = 15_000
"""Milliseconds after which Kafka aborts what a dead engine left open, if none follows it."""
SESSION_TIMEOUT = 10_000
"""Milliseconds after which another engine takes over the partitions of a dead one, if none follows it."""
MAX_MESSAGE_BYTES = 4_000_000
"""Before compression; a dead letter is larger than what it holds."""
QUEUE_PATIENCE = 30
"""Seconds to wait for Kafka when the producer's queue is full."""
REPORT_SECONDS = 10.0
GARBAGE_THRESHOLD = 50_000
"""Objects after which Python looks for cycles of garbage. Orders come and go without any, and a search through all that
rest on the books takes a twentieth of the engine's time at Python's own threshold of 700."""


def application(settings: Settings, engine: EngineSettings, group: str = GROUP) -> Application:
    """The Quix application: exactly-once, with its state in `<home>/state` and in a changelog topic."""
    name = f"{group}-{engine.instance}"
    return Application(
        broker_address=settings.kafka,
        consumer_group=group,
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
        loglevel=None,  # `configure_logs` takes Quix's lines in
    )


class Engine(BaseSink):
    """Where the messages of `orders` go: into the host, whose answers go into the transaction under way.

    A sink, because Quix flushes its sinks first of all when it commits: that is when the journals are written, once a
    transaction instead of once a message.
    """

    def __init__(self, frame: StreamingDataFrame, partitions: int, pace: Pace) -> None:
        super().__init__(on_client_connect_success=lambda: None)
        frame.register_store()
        self._context = frame.processing_context
        self._stream = frame.stream_id
        self._checkpoint: object = None
        self._member: object = None
        self._produce: Callable[[str, bytes, bytes], None]
        self.host = Host(partitions, pace, self._store)
        self._report = reporter(self.host)

    def _store(self, partition: int, key: bytes) -> Store:
        transaction = self._context.checkpoint.get_store_transaction(stream_id=self._stream, partition=partition)
        state: Store = transaction.as_state(prefix=key)
        return state

    def add(self, value: Any, key: Any, timestamp: int, headers: Any, topic: str, partition: int, offset: int) -> None:
        """Answer a message. Kafka's time of an answer is when it was given: latency is measured by it."""
        if self._context.checkpoint is not self._checkpoint:
            self._begin()
        produce = self._produce
        for answer in self.host.process(key, value, partition, offset, timestamp):
            try:
                produce(answer.topic, answer.value, answer.key)
            except BufferError:
                self._produce_slowly(answer)

    def _begin(self) -> None:
        """Quix has begun another transaction."""
        context = self._context
        self._checkpoint, self._member = context.checkpoint, context.consumer.memberid()
        # The producer itself, inside Quix's two: theirs take a fifth of the engine's time, for reports of delivery that
        # a transaction does not need. A message that is not delivered makes the commit fail.
        self._produce = context.producer._producer._producer.produce
        self.host.begin()

    def _produce_slowly(self, answer: Message) -> None:
        """The producer's queue is full: wait for Kafka."""
        for _ in range(QUEUE_PATIENCE):
            self._context.producer.poll(1.0)
            with suppress(BufferError):
                self._produce(answer.topic, answer.value, answer.key)
                return
        raise BufferError(f"Kafka has taken nothing for {QUEUE_PATIENCE} s")

    def flush(self) -> None:
        """Write the journals: Quix is about to commit.

        A transaction that began before this process was taken for dead and joined the group anew must not be
        committed: another engine may have had its partitions in between, and Kafka would take the offsets.
        """
        if self._context.checkpoint is self._checkpoint:
            if self._context.consumer.memberid() != self._member:
                raise RuntimeError("the consumer group took this engine for dead: it has to start anew")
            self.host.commit()
        self._report()


def reporter(host: Host) -> Callable[[], None]:
    """A callback that logs, every few seconds, what was done since."""
    last, since = time.monotonic(), (0, 0, 0)

    def report() -> None:
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
    shared, settings_ = settings(), EngineSettings()
    create_topics(shared)
    app = application(shared, settings_)
    orders = app.topic(ORDERS.name, value_deserializer="bytes", key_deserializer="bytes")
    frame = app.dataframe(orders)
    engine = Engine(frame, shared.kafka_partitions, Pace(settings_.snapshot_commands, settings_.snapshot_minutes))
    frame.sink(engine)
    gc.set_threshold(GARBAGE_THRESHOLD)
    gc.freeze()
    log.info("starting", kafka=shared.kafka, state=str(app.config.state_dir), instance=settings_.instance)
    app.run()
    counts = engine.host.counts
    log.info("stopped", messages=counts.messages, commands=counts.commands)


if __name__ == "__main__":
    main()
