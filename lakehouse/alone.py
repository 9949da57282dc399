"""One maintenance of a table at a time, whoever asks for it: a lock in the catalog's database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import psycopg

from streaming.contracts.settings import Settings


class MaintenanceRunningError(RuntimeError):
    """Somebody else maintains the table now; the message says what to do."""


@contextmanager
def alone(settings: Settings, table: str) -> Iterator[None]:
    """Hold the lock of `table` (`namespace.table`); PostgreSQL takes it back when this process dies.

    MaintenanceRunningError where it is held. psycopg.OperationalError where PostgreSQL does not answer.
    """
    statement = (files("lakehouse") / "sql" / "lock_table.sql").read_bytes()
    with psycopg.connect(settings.postgres("lake"), autocommit=True, connect_timeout=10) as connection:
        (ours,) = connection.execute(statement, {"table": table}).fetchone() or (False,)
        if not ours:
            raise MaintenanceRunningError(
                f"{table} is being maintained already, by another `tickhouse compact` or by Dagster: "
                "nothing was done to it, and nothing is lost. Try again when that one is over"
            )
        yield
