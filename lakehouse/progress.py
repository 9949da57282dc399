"""How far the lake is: what the streams have committed, read from metadata and as few columns as can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from lakehouse.catalog import catalog
from lakehouse.tables import TABLES, TableDefinition
from streaming.contracts.settings import Settings
from streaming.flink.checkpoints import Commit

EPOCH = date(1970, 1, 1)
RAW_GROUP = "flink-raw"
"""The consumer group under which the raw job reports its offsets to Kafka."""


@dataclass(frozen=True)
class TableState:
    """A table as its last commit left it. Sizes in bytes; `snapshot_id` is none for a table never written."""

    table: str
    snapshot_id: int | None
    committed: datetime | None
    rows: int
    files: int
    bytes: int


@dataclass(frozen=True)
class Progress:
    """How far a raw table is: the greatest sequence of each key (symbol or trader) and offset of each partition.

    Messages without items leave no row, so the last offset of a partition may be a little behind what was read.
    """

    sequences: dict[str | int, int]
    offsets: dict[int, int]


@contextmanager
def opened(settings: Settings) -> Iterator[SqlCatalog]:
    """The catalog, closed in the end."""
    lake = catalog(settings)
    try:
        yield lake
    finally:
        lake.close()


def table_states(settings: Settings) -> list[TableState]:
    """Rows, files, bytes and last snapshot of every streamed table, from metadata alone."""
    with opened(settings) as lake:
        return [state(definition.identifier, lake.load_table(definition.identifier)) for definition in TABLES]


def days_held(settings: Settings, table: str) -> list[str]:
    """The days of market time, such as 2026-01-05, that a streamed table (`namespace.table`) has rows of."""
    with opened(settings) as lake:
        files = lake.load_table(table).scan().plan_files()
        return sorted({f"{EPOCH + timedelta(days=file.file.partition[0]):%Y-%m-%d}" for file in files})


def state(name: str, table: Table) -> TableState:
    """One table's state."""
    snapshot = table.current_snapshot()
    if snapshot is None:
        return TableState(name, None, None, 0, 0, 0)
    summary = snapshot.summary.additional_properties if snapshot.summary else {}
    rows, files, size = (int(summary.get(f"total-{what}", 0)) for what in ("records", "data-files", "files-size"))
    return TableState(name, snapshot.snapshot_id, committed_at(snapshot), rows, files, size)


def committed_at(snapshot: Snapshot) -> datetime:
    """When a snapshot was committed."""
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)


def ingested(settings: Settings, tables: Iterable[str] | None = None) -> dict[str, Progress]:
    """How far each raw table is (all, or those named without namespace)."""
    names = None if tables is None else set(tables)
    with opened(settings) as lake:
        return {
            definition.name: progress(lake.load_table(definition.identifier), definition)
            for definition in TABLES
            if definition.topic
            and definition.name not in ("alerts", "ground_truth")  # they have no sequence
            and (names is None or definition.name in names)
        }


def progress(table: Table, definition: TableDefinition, where: BooleanExpression | None = None) -> Progress:
    """The greatest sequence by key and offset by partition, of the rows `where` holds."""
    key = definition.topic.key if definition.topic else "symbol"
    counter = next(name for name in ("sequence", "last_sequence", "offset") if name in definition.schema.column_names)
    columns = (key, counter, "kafka_partition", "kafka_offset")
    sequences: dict[str | int, int] = {}
    offsets: dict[int, int] = {}
    for batch in table.scan(row_filter=where or AlwaysTrue(), selected_fields=columns).to_arrow_batch_reader():
        rows = pa.Table.from_batches([batch])
        for name, number in greatest(rows, key, counter):
            sequences[name] = max(number, sequences.get(name, 0))
        for name, number in greatest(rows, "kafka_partition", "kafka_offset"):
            offsets[name] = max(number, offsets.get(name, 0))
    return Progress(sequences, offsets)


def greatest(rows: pa.Table, key: str, number: str) -> list[tuple[Any, int]]:
    """The greatest `number` of each `key`; keys without any are left out."""
    found = rows.group_by(key).aggregate([(number, "max")])
    found = found.filter(pc.is_valid(found[f"{number}_max"]))
    return list(zip(found[key].to_pylist(), found[f"{number}_max"].to_pylist(), strict=True))


def lag(settings: Settings) -> dict[str, dict[int, int]]:
    """Messages that the raw job has not yet checkpointed, by topic and partition (transaction markers count).

    Flink reports its offsets to Kafka after each checkpoint. KafkaException where Kafka does not answer.
    """
    admin = AdminClient({"bootstrap.servers": settings.kafka})
    topics = [definition.topic.name for definition in TABLES if definition.topic]
    known = admin.list_topics(timeout=10).topics
    partitions = [
        TopicPartition(topic, number) for topic in topics if topic in known for number in known[topic].partitions
    ]
    ends = admin.list_offsets({partition: OffsetSpec.latest() for partition in partitions})
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(RAW_GROUP, partitions)])
    done = {(p.topic, p.partition): max(p.offset, 0) for p in asked[RAW_GROUP].result().topic_partitions}
    result: dict[str, dict[int, int]] = {}
    for partition, end in ends.items():
        behind = end.result().offset - done.get((partition.topic, partition.partition), 0)
        result.setdefault(partition.topic, {})[partition.partition] = behind
    return result


def flink_commits(settings: Settings, tables: Iterable[str]) -> list[Commit]:
    """The last commit by a Flink job to each of these tables (`namespace.table`) that has one."""
    found = []
    with opened(settings) as lake:
        for name in tables:
            snapshot = last_flink_snapshot(lake.load_table(name))
            if snapshot and snapshot.summary:
                summary = snapshot.summary.additional_properties
                number = int(summary["flink.max-committed-checkpoint-id"])
                found.append(Commit(name, summary["flink.job-id"], number, committed_at(snapshot)))
    return found


def last_flink_snapshot(table: Table) -> Snapshot | None:
    """The newest snapshot that a Flink job committed: it tells that job what it has already written."""
    written = [s for s in table.snapshots() if s.summary and "flink.job-id" in s.summary.additional_properties]
    return max(written, key=lambda snapshot: snapshot.sequence_number or 0, default=None)
