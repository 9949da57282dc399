"""The history of reconciliations, in PostgreSQL: each run, its checks, and its differences row by row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Json

from orchestration.reconciliation.model import Report, UnreachableError
from orchestration.reconciliation.postgres_rows import statement
from streaming.contracts.settings import Role, Settings

Origin = Literal["command", "dagster"]
NAMES = {
    "kafka": ("Kafka",),
    "iceberg": ("Iceberg", "bars_1m"),
    "postgres": ("PostgreSQL", "the ledger", "the last updates"),
}
"""What the words of a difference call each store."""


@dataclass(frozen=True)
class PastRun:
    """A run as it is kept. `events` are those compared; `failed` names the checks that found a difference."""

    run_id: int
    ended_at: datetime
    origin: str
    passed: bool
    seconds: float
    symbols: int
    events: int
    failed: list[str]
    differences: int


@dataclass(frozen=True)
class PastDifference:
    """A difference of a run as it is kept: the check, the stores it is between, and the row in words."""

    check_name: str
    stores: list[str]
    detail: str


def keep(settings: Settings, report: Report, origin: Origin) -> int:
    """Write a report down, all of it or nothing. Returns the number of the run.

    UnreachableError where PostgreSQL cannot be asked, or was made by an older version and not migrated since.
    """
    with _connection(settings, "owner") as connection, connection.cursor() as cursor:
        run = {"origin": origin, "passed": report.passed, "seconds": report.seconds, "cut": Json(report.cut)}
        (run_id,) = cursor.execute(statement("insert_run"), run).fetchone() or (0,)
        cursor.executemany(
            statement("insert_check"),
            [
                {
                    "run_id": run_id,
                    "check_name": check.name,
                    "passed": check.passed,
                    "differences": check.differences,
                    **{name: None if value is None else str(value) for name, value in check.stores.items()},
                }
                for check in report.checks
            ],
        )
        cursor.executemany(
            statement("insert_difference"),
            [
                {
                    "run_id": run_id,
                    "check_name": check.name,
                    "number": number,
                    "stores": stores_named(detail),
                    "detail": detail,
                }
                for check in report.checks
                for number, detail in enumerate(check.sample, start=1)
            ],
        )
    return int(run_id)


def last_runs(settings: Settings, number: int) -> list[PastRun]:
    """The last so many runs, the newest first; UnreachableError as of `keep`."""
    with _connection(settings, "reader") as connection, connection.cursor(row_factory=class_row(PastRun)) as cursor:
        return cursor.execute(statement("last_runs"), {"number": number}).fetchall()


def proven(settings: Settings) -> dict[str, int]:
    """The last sequence of each symbol up to which a reconciliation passed; UnreachableError as of `keep`."""
    with _connection(settings, "reader") as connection:
        return dict(connection.execute(statement("proven")).fetchall())


def differences_of(settings: Settings, run_id: int, number: int) -> list[PastDifference]:
    """The first so many differences of a run; UnreachableError as of `keep`."""
    with (
        _connection(settings, "reader") as connection,
        connection.cursor(row_factory=class_row(PastDifference)) as cursor,
    ):
        return cursor.execute(statement("differences_of"), {"run_id": run_id, "number": number}).fetchall()


@contextmanager
def _connection(settings: Settings, role: Role) -> Iterator[psycopg.Connection]:
    try:
        with psycopg.connect(settings.postgres("tickhouse", role), connect_timeout=10) as connection:
            yield connection
    except psycopg.errors.UndefinedTable as error:
        raise UnreachableError("PostgreSQL keeps no history yet: `tickhouse up postgres` makes its tables") from error
    except psycopg.OperationalError as error:
        raise UnreachableError(f"PostgreSQL: {str(error).strip()}") from error


def stores_named(detail: str) -> list[str]:
    """The stores that a difference is between; the ledger where none is named, which only questions to it leave out."""
    found = [store for store, names in NAMES.items() if any(name in detail for name in names)]
    return found or ["postgres"]
