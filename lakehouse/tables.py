"""Every table that the streams write: created once, from the contracts, by PyIceberg."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError, TableAlreadyExistsError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import DayTransform, IdentityTransform
from sqlalchemy.exc import IntegrityError, ProgrammingError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from lakehouse.catalog import catalog
from lakehouse.schemas import KAFKA_COLUMNS, comment, schema
from streaming.contracts import topics
from streaming.contracts.reference import Instrument, Trader
from streaming.contracts.settings import Settings
from streaming.contracts.topics import Topic

MARKET = "market"
REFERENCE = "reference"


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol's trades within one minute; a minute without a trade has no bar.

    `event_time` is the minute's start. `turnover` is the sum of price times quantity, `vwap` turnover over volume,
    rounded half up. `moving_average` is of the last 20 closes, rounded half up; `log_return` against the previous bar
    of the same day; `volatility` the sample standard deviation of the returns of the last 20 bars, for one bar (not
    annual).
    """

    symbol: str
    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int
    turnover: int
    vwap: int
    first_sequence: int
    last_sequence: int
    moving_average: int
    log_return: float | None = None
    volatility: float | None = None
    event_time: int


@dataclass(frozen=True)
class TableDefinition:
    """A table of the lake.

    `topic` is where its rows come from, none for what Flink computes; compaction sorts by `sort`.
    """

    name: str
    item: Any
    topic: Topic | None
    sort: tuple[str, ...]
    streamed: bool = field(default=True)

    @property
    def identifier(self) -> str:
        """`namespace.table`."""
        return f"{MARKET if self.streamed else REFERENCE}.{self.name}"

    @property
    def schema(self) -> Schema:
        """The columns, from the contract."""
        from_kafka = KAFKA_COLUMNS if self.topic else ()
        return schema(self.item, from_kafka)


TABLES = (
    TableDefinition("order_events", topics.ORDER_EVENTS.item, topics.ORDER_EVENTS, ("symbol", "sequence")),
    TableDefinition("trades", topics.TRADES.item, topics.TRADES, ("symbol", "sequence")),
    TableDefinition("prices", topics.PRICES.item, topics.PRICES, ("symbol", "last_sequence")),
    TableDefinition("book_snapshots", topics.BOOK_SNAPSHOTS.item, topics.BOOK_SNAPSHOTS, ("symbol", "last_sequence")),
    TableDefinition(
        "portfolio_updates", topics.PORTFOLIO_UPDATES.item, topics.PORTFOLIO_UPDATES, ("trader_id", "sequence")
    ),
    TableDefinition("market_status", topics.MARKET_STATUS.item, topics.MARKET_STATUS, ("symbol", "sequence")),
    TableDefinition("dead_letters", topics.DEAD_LETTERS.item, topics.DEAD_LETTERS, ("topic", "offset")),
    TableDefinition("bars_1m", Bar, None, ("symbol", "event_time")),
    TableDefinition("alerts", topics.ALERTS.item, topics.ALERTS, ("symbol", "event_time")),
    TableDefinition("ground_truth", topics.GROUND_TRUTH.item, topics.GROUND_TRUTH, ("symbol", "event_time")),
)
REFERENCE_TABLES = (
    TableDefinition("instruments", Instrument, None, ("symbol",), streamed=False),
    TableDefinition("traders", Trader, None, ("trader_id",), streamed=False),
)

PROPERTIES = {
    "format-version": "2",
    "write.format.default": "parquet",
    "write.parquet.compression-codec": "zstd",
    "write.target-file-size-bytes": str(128 * 1024 * 1024),
    # Flink commits every few seconds: keep few metadata files, and let writers and compaction try again on conflict.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "20",
    "commit.retry.num-retries": "20",
    "commit.retry.min-wait-ms": "100",
    # The streams' writer has one subtask: a shuffle by partition would only copy.
    "write.distribution-mode": "none",
    "write.metadata.metrics.default": "truncate(16)",
}


@retry(
    # Two processes that make the same thing at once: the later one finds it at the second try.
    retry=retry_if_exception_type((IntegrityError, ProgrammingError)),
    stop=stop_after_attempt(4),
    wait=wait_random(0, 1),
    reraise=True,
)
def create_tables(settings: Settings) -> None:
    """Make what is missing; what is there is left as it is. Safe to call from several processes at once."""
    lake = catalog(settings)
    try:
        for definition in (*TABLES, *REFERENCE_TABLES):
            create_table(lake, definition)
    finally:
        lake.close()


def create_table(lake: Catalog, definition: TableDefinition) -> Table:
    """The table, made where it is missing."""
    try:
        return lake.load_table(definition.identifier)
    except NoSuchTableError:
        pass
    lake.create_namespace_if_not_exists(definition.identifier.split(".")[0])
    columns = definition.schema
    try:
        return lake.create_table(
            definition.identifier,
            columns,
            partition_spec=partitions(columns) if definition.streamed else PartitionSpec(),
            sort_order=SortOrder(
                *(SortField(columns.find_field(name).field_id, IdentityTransform()) for name in definition.sort)
            ),
            properties={**PROPERTIES, "comment": comment(definition.item)},
        )
    except TableAlreadyExistsError:
        return lake.load_table(definition.identifier)


def partitions(columns: Schema) -> PartitionSpec:
    """One partition a day of market time."""
    source = columns.find_field("event_time").field_id
    return PartitionSpec(PartitionField(source, 1000, DayTransform(), "event_time_day"))
