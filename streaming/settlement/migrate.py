"""Creates the databases, the reader's role and the ledger, and gives every trader the first holdings.

Run it as often as you like, twice at once too: `python -m streaming.settlement.migrate`.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any, get_args

import msgspec
import psycopg
import sqlalchemy
import structlog
from alembic import command
from alembic.config import Config
from psycopg import sql

from streaming.contracts.reference import instruments, traders
from streaming.contracts.settings import Database, Settings, settings
from streaming.settlement.books import CASH, Books, Journal
from streaming.settlement.ledger import POSTGRES_EPOCH, Ledger
from streaming.settlement.sql import statement

log = structlog.get_logger("migrate")

READER = "tickhouse_reader"
ENDOWED_AT = POSTGRES_EPOCH
"""Event time of the endowments, before any trading: 2000-01-01T00:00:00Z in microseconds since the Unix epoch."""
MIGRATION_LOCK = 0x6D696772
PATIENCE = 30.0
"""Seconds to wait for a settlement service that is writing, where holdings have to be given."""


def migrate(settings: Settings) -> None:
    """Bring databases, roles, schema and reference data to the present version.

    psycopg.OperationalError if the server cannot be reached; LedgerBusyError if there are new holdings to give while a
    settlement service runs.
    """
    with psycopg.connect(settings.postgres(), dbname="postgres", autocommit=True, connect_timeout=10) as server:
        server.execute("select pg_advisory_lock(%s)", (MIGRATION_LOCK,))  # given back when the connection closes
        _create_databases(server)
        _create_reader(server, settings)
        _upgrade(settings)
        readable: tuple[Database, ...] = ("tickhouse", "lake")
        for database in readable:
            with psycopg.connect(settings.postgres(database)) as connection:
                connection.execute(statement("reader_rights"))
        _register(settings)
        _endow(settings)


def _create_databases(server: psycopg.Connection[Any]) -> None:
    existing = {name for (name,) in server.execute("select datname from pg_database")}
    for name in get_args(Database):
        database = sql.Identifier(name)
        if name not in existing:
            server.execute(sql.SQL("create database {}").format(database))
        server.execute(sql.SQL("revoke all on database {} from public").format(database))


def _create_reader(server: psycopg.Connection[Any], settings: Settings) -> None:
    server.execute(statement("create_reader"))
    password = settings.secrets().reader_password
    # Hashed here, so that the server's log never sees the password itself.
    hashed = server.pgconn.encrypt_password(password.encode(), READER.encode(), b"scram-sha-256").decode()
    server.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(READER), sql.Literal(hashed)))
    server.execute(sql.SQL("grant connect on database tickhouse, lake to {}").format(sql.Identifier(READER)))


def _upgrade(settings: Settings) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("streaming.settlement") / "migrations"))
    config.set_main_option("path_separator", "os")
    url = sqlalchemy.make_url(settings.postgres()).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "heads")  # the ledger's line of versions, and that of reconciliation


def _register(settings: Settings) -> None:
    with psycopg.connect(settings.postgres()) as connection, connection.cursor() as cursor:
        cursor.executemany(statement("upsert_instrument"), [msgspec.structs.asdict(row) for row in instruments()])
        cursor.executemany(statement("insert_user"), [msgspec.structs.asdict(row) for row in traders()])


def _endow(settings: Settings) -> None:
    """Only what is missing, so that an instrument or trader added later gets its holdings too."""
    with psycopg.connect(settings.postgres()) as connection:
        if not missing_endowments(_endowed(connection)):
            return
    with Ledger.open(settings, patience=PATIENCE) as ledger:
        books, _ = ledger.load()
        missing = missing_endowments(_endowed(ledger.connection))
        ledger.write(endow(books, missing))
        log.info("endowed", entries=len(missing))


def _endowed(connection: psycopg.Connection[Any]) -> set[str]:
    return {entry_id for (entry_id,) in connection.execute(statement("endowed"))}


def missing_endowments(entry_ids: set[str]) -> list[tuple[int, str, int]]:
    """(trader, asset, amount) of every first holding that is not among the journal's `entry_ids`."""
    wanted: list[tuple[int, str, int]] = []
    for trader in traders():
        if f"endowment-{trader.trader_id}" not in entry_ids:
            wanted.append((trader.trader_id, CASH, trader.cash))
        wanted += [
            (trader.trader_id, instrument.symbol, trader.shares)
            for instrument in instruments()
            if trader.shares and f"endowment-{trader.trader_id}-{instrument.symbol}" not in entry_ids
        ]
    return wanted


def endow(books: Books, holdings: list[tuple[int, str, int]]) -> Journal:
    """The journal that gives each trader its holdings."""
    journal = Journal()
    for trader_id, asset, amount in holdings:
        books.endow(trader_id, asset, amount, ENDOWED_AT, journal)
    return journal


if __name__ == "__main__":
    migrate(settings())
