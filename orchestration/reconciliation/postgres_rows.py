"""What the ledger holds, at one instant: every question is put within one transaction that sees one state."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg
import pyarrow as pa
import pyarrow.csv

from orchestration.reconciliation.model import UnreachableError
from orchestration.reconciliation.rows import fields
from streaming.contracts.settings import Settings
from streaming.contracts.topics import CORPORATE_ACTIONS, PORTFOLIO_UPDATES, TRADES, Topic

TABLES = {
    TRADES.name: "trades",
    CORPORATE_ACTIONS.name: "corporate_actions",
    PORTFOLIO_UPDATES.name: "portfolio_updates",
}
HOLDINGS = pa.schema([("trader_id", pa.int64()), ("asset", pa.string()), ("amount", pa.int64())])


@lru_cache
def statement(name: str) -> LiteralString:
    """The text of `sql/<name>.sql`: our own file, so the driver may take it for a literal."""
    return (files("orchestration.reconciliation") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


class LedgerReader:
    """A read-only connection of the reader's role."""

    def __init__(self, settings: Settings) -> None:
        try:
            self._connection = psycopg.connect(settings.postgres("tickhouse", "reader"), connect_timeout=10)
        except psycopg.OperationalError as error:
            raise UnreachableError(f"PostgreSQL: {str(error).strip()}") from error
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection.read_only = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def refresh(self) -> None:
        """See the newest state from here on."""
        self._connection.rollback()

    def next_offsets(self) -> dict[int, int]:
        """The offset that settlement reads next on each partition of `trades`."""
        return dict(self.ask("settled_offsets"))

    def rows(self, topic: Topic) -> pa.Table:
        """All of what belongs on a topic, in the same form as Kafka's rows, without the place."""
        return self._copy(TABLES[topic.name], fields(topic.item))

    def endowments(self) -> pa.Table:
        """What each trader was given at first: (trader_id, asset, amount)."""
        return self._copy("endowments", HOLDINGS)

    def balances(self) -> pa.Table:
        """What each trader holds: (trader_id, asset, amount)."""
        return self._copy("balances", HOLDINGS)

    def ask(self, name: str) -> list[tuple[Any, ...]]:
        """The rows of a small question. UnreachableError where the server goes away or has no ledger."""
        try:
            return self._connection.execute(statement(name)).fetchall()
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable) as error:
            raise UnreachableError(f"PostgreSQL: {str(error).strip()}") from error

    def _copy(self, name: str, schema: pa.Schema) -> pa.Table:
        sink = pa.BufferOutputStream()
        try:
            with self._connection.cursor() as cursor, cursor.copy(statement(name)) as copy:
                for block in copy:
                    sink.write(block)
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable) as error:
            raise UnreachableError(f"PostgreSQL: {str(error).strip()}") from error
        read = pa.csv.read_csv(
            pa.BufferReader(sink.getvalue()),
            convert_options=pa.csv.ConvertOptions(
                column_types=schema, include_columns=schema.names, strings_can_be_null=True, null_values=[""]
            ),
        )
        return read.cast(schema)
