"""What Kafka holds: the committed messages of a topic as rows."""

from __future__ import annotations

from functools import cached_property
from itertools import repeat
from types import TracebackType
from typing import Self

import msgspec
import pyarrow as pa
import pyarrow.json
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from orchestration.reconciliation.model import UnreachableError
from orchestration.reconciliation.rows import COUNTS, PLACE, fields, with_place
from streaming.contracts.kafka import consumer_config
from streaming.contracts.settings import Settings
from streaming.contracts.topics import Topic

TIMEOUT = 30.0
CHUNK = 100_000
"""Items that are turned into rows at a time."""


class _Envelope(msgspec.Struct):
    event_time: int
    items: list[msgspec.Raw]


class TopicReader:
    """Reads a topic from its first message to its end, and later on from there. The group's offsets are not used."""

    def __init__(self, settings: Settings, topic: Topic) -> None:
        self.topic = topic
        self.last: dict[int, int] = {}
        """The offset of the last message with an item, by partition."""
        self.ends: dict[int, int] = {}
        """The offset of the last message, with or without items, by partition."""
        self.times: dict[int, int] = {}
        """The market time of the last message, with or without items, by partition."""
        self.unreadable: list[str] = []
        """What is no item of the topic, in words."""
        self._decoder = msgspec.json.Decoder(_Envelope)
        self._item_decoder = msgspec.json.Decoder(topic.item)
        self._lines: list[bytes] = []
        self._places: tuple[list[int], list[int]] = ([], [])
        self._chunks: list[pa.Table] = []
        configuration = consumer_config(settings, "reconciliation", enable_partition_eof=True)
        configuration["logger"] = None
        self._consumer = Consumer({**configuration, "log_level": 0})
        try:
            listed = self._consumer.list_topics(topic.name, timeout=TIMEOUT).topics[topic.name]
            if listed.error is not None:
                raise KafkaException(listed.error)
            self.first = {partition: self._bounds(partition)[0] for partition in listed.partitions}
        except KafkaException as error:
            self._consumer.close()
            raise UnreachableError(f"Kafka at {settings.kafka}, topic {topic.name}: {error.args[0].str()}") from error
        self._next = dict(self.first)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._consumer.close()

    @cached_property
    def _schema(self) -> pa.Schema:
        return with_place(fields(self.topic.item))

    @property
    def complete(self) -> bool:
        """Whether Kafka still holds the topic's first message."""
        return not any(self.first.values())

    def read(self) -> None:
        """Go on to what is the end now. UnreachableError where Kafka goes away."""
        ends = {partition: self._bounds(partition)[1] for partition in self._next}
        # A new assignment makes the client say again where the end is, though nothing new may come.
        self._consumer.assign([TopicPartition(self.topic.name, *place) for place in self._next.items()])
        unread = set(self._next)
        while unread:
            for message in self._consumer.consume(2_000, timeout=0.1):
                partition = message.partition()
                if message.error() is None:
                    self._next[partition] = message.offset() + 1
                    self.ends[partition] = message.offset()
                    self._take(partition, message.offset(), message.value() or b"")
                elif message.error().code() != KafkaError._PARTITION_EOF:
                    raise UnreachableError(f"Kafka, topic {self.topic.name}: {message.error().str()}")
                else:
                    unread.discard(partition)
                if self._next[partition] >= ends[partition]:
                    unread.discard(partition)
        self._consumer.unassign()

    def table(self) -> pa.Table:
        """Everything read, with the fields of the contract and the place of each row's message."""
        self._flush()
        self._chunks = [pa.concat_tables(self._chunks)] if self._chunks else [self._schema.empty_table()]
        return self._chunks[0]

    def _bounds(self, partition: int) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(self.topic.name, partition), timeout=TIMEOUT)
        return low, high

    def _take(self, partition: int, offset: int, value: bytes) -> None:
        try:
            envelope = self._decoder.decode(value)
        except msgspec.DecodeError as error:
            self.unreadable.append(f"{self.topic.name}-{partition} at {offset}: {error}")
            return
        items = envelope.items
        self.times[partition] = max(envelope.event_time, self.times.get(partition, 0))
        if not items:
            return
        self.last[partition] = offset
        self._keep(partition, offset, items)

    def _keep(self, partition: int, offset: int, items: list[msgspec.Raw]) -> None:
        self._lines += map(bytes, items)
        self._places[0].extend(repeat(partition, len(items)))
        self._places[1].extend(repeat(offset, len(items)))
        if len(self._lines) >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        if not self._lines:
            return
        try:
            rows = self._quick()
        except pa.ArrowInvalid:
            rows = self._one_by_one()
        self._lines, self._places = [], ([], [])
        self._chunks.append(rows)

    def _quick(self) -> pa.Table:
        block = b"\n".join(self._lines) + b"\n"
        read = pa.json.read_json(
            pa.BufferReader(block),
            pa.json.ReadOptions(block_size=len(block)),
            pa.json.ParseOptions(explicit_schema=fields(self.topic.item), unexpected_field_behavior="ignore"),
        )
        if len(read) != len(self._lines):
            raise pa.ArrowInvalid("an item is not one line")
        for name, values in zip(PLACE, self._places, strict=True):
            read = read.append_column(name, pa.array(values, pa.int64()))
        return read.select(self._schema.names).cast(self._schema)

    def _one_by_one(self) -> pa.Table:
        rows = []
        for line, partition, offset in zip(self._lines, *self._places, strict=True):
            try:
                self._item_decoder.decode(line)
                rows.append({**msgspec.json.decode(line), PLACE[0]: partition, PLACE[1]: offset})
            except msgspec.DecodeError as error:
                self.unreadable.append(f"{self.topic.name}-{partition} at {offset}: {error}")
        return pa.Table.from_pylist(rows, schema=self._schema)


class ItemCounter(TopicReader):
    """Only counts the items of each message that has any."""

    def __init__(self, settings: Settings, topic: Topic) -> None:
        super().__init__(settings, topic)
        self._counts: tuple[list[int], list[int], list[int]] = ([], [], [])

    def table(self) -> pa.Table:
        """A row for each message with items: its place, and how many."""
        return pa.table([pa.array(values, pa.int64()) for values in self._counts], schema=COUNTS)

    def _keep(self, partition: int, offset: int, items: list[msgspec.Raw]) -> None:
        for values, value in zip(self._counts, (partition, offset, len(items)), strict=True):
            values.append(value)
