"""Every table that the streams write: created once, from the contracts, by PyIceberg."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError, ValidationError
from pyiceberg.schema import Schema
from tenacity import retry, retry_if_exception, retry_if_exception_type, stop_after_attempt, wait_random

from lakehouse.schemas import KAFKA_COLUMNS, comment, schema
from streaming.contracts import topics
from streaming.contracts.reference import Instrument, Trader
from streaming.contracts.settings import Settings
from streaming.contracts.topics import Topic

# Dagster loads the definitions below in every process, and needs no catalog for that.
if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.table import Table

log = structlog.get_logger()

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
    TableDefinition(
        "corporate_actions", topics.CORPORATE_ACTIONS.item, topics.CORPORATE_ACTIONS, ("symbol", "sequence")
    ),
    TableDefinition("dead_letters", topics.DEAD_LETTERS.item, topics.DEAD_LETTERS, ("topic", "offset")),
    TableDefinition("bars_1m", Bar, None, ("symbol", "event_time")),
    TableDefinition("alerts", topics.ALERTS.item, topics.ALERTS, ("symbol", "event_time")),
    TableDefinition("ground_truth", topics.GROUND_TRUTH.item, topics.GROUND_TRUTH, ("symbol", "event_time")),
)
REFERENCE_TABLES = (
    TableDefinition("instruments", Instrument, None, ("symbol",), streamed=False),
    TableDefinition("traders", Trader, None, ("trader_id",), streamed=False),
)

TARGET_FILE_BYTES = 128 * 1024 * 1024

PROPERTIES = {
    "format-version": "2",
    "write.format.default": "parquet",
    "write.parquet.compression-codec": "zstd",
    "write.target-file-size-bytes": str(TARGET_FILE_BYTES),
    # Sorted by symbol and sequence: a reader of one symbol passes over most row groups (docs/adr/0020).
    "write.parquet.row-group-size-bytes": str(1024 * 1024),
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


class SchemaConflictError(RuntimeError):
    """A contract changed in a way that rows already written cannot follow; the message names table and field."""


def came_second(error: BaseException) -> bool:
    """Whether another process made the same thing at once."""
    from sqlalchemy.exc import IntegrityError, ProgrammingError

    return isinstance(error, IntegrityError | ProgrammingError)


@retry(
    # What came second finds at the next try what the other one made.
    retry=retry_if_exception(came_second),
    stop=stop_after_attempt(4),
    wait=wait_random(0, 1),
    reraise=True,
)
def create_tables(settings: Settings) -> None:
    """Make what is missing, tables and optional columns. Safe to call from several processes at once, beside streams.

    SchemaConflictError where a contract asks for more than that of a table that is there.
    """
    from lakehouse.catalog import catalog

    lake = catalog(settings)
    try:
        for definition in (*TABLES, *REFERENCE_TABLES):
            added = evolve(create_table(lake, definition), definition.schema)
            if added:
                log.info("columns added", table=definition.identifier, columns=added)
    finally:
        lake.close()


def create_table(lake: Catalog, definition: TableDefinition) -> Table:
    """The table, made where it is missing."""
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.table.sorting import SortField, SortOrder
    from pyiceberg.transforms import IdentityTransform

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


@retry(
    retry=retry_if_exception_type(CommitFailedException),  # a stream committed first
    stop=stop_after_attempt(10),
    wait=wait_random(0, 0.5),
    reraise=True,
)
def evolve(table: Table, wanted: Schema) -> list[str]:
    """Add the optional columns that the contract has and the table has not, each at its place; their names.

    Rows written before read NULL there. A job that runs goes on with the columns that it knows. A column that only the
    table has stays. SchemaConflictError for a new column that is required, or one of another type.
    """
    there = {field.name for field in table.refresh().schema().fields}
    added = [field.name for field in wanted.fields if field.name not in there]
    try:
        with table.update_schema() as update:
            update.union_by_name(wanted)
            for before, field in pairwise(wanted.fields):
                if field.name in added:
                    update.move_after(field.name, before.name)
    except (ValueError, ValidationError) as error:
        raise SchemaConflictError(
            f"{'.'.join(table.name())} cannot follow its contract: {error}. A field may be added if it is optional; "
            "for anything else start with an empty warehouse, or give the field a new name"
        ) from error
    return added


def partitions(columns: Schema) -> PartitionSpec:
    """One partition a day of market time."""
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.transforms import DayTransform

    source = columns.find_field("event_time").field_id
    return PartitionSpec(PartitionField(source, 1000, DayTransform(), "event_time_day"))
