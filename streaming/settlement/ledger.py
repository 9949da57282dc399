"""The ledger in PostgreSQL: loads the books, and writes a journal in one transaction.

There is one writer at a time. An advisory lock on the writer's own connection sees to it, so a process whose
connection is lost can no longer commit when the next one starts. Hence the writer may number rows by itself, and the
order of the outbox's ids is the order of commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import psycopg
import structlog
from msgspec.structs import astuple

from streaming.contracts.events import CorporateAction, DeadLetter, Trade
from streaming.contracts.settings import Settings
from streaming.settlement.books import Account, Books, Journal
from streaming.settlement.sql import statement

log = structlog.get_logger("settlement")

WRITER_LOCK = 0x7469636B
"""Key of the advisory lock that the ledger's writer holds."""

# In COPY's binary format a timestamptz is an int8 of microseconds since 2000, so that times go in as exact integers.
POSTGRES_EPOCH = 946_684_800_000_000
"""2000-01-01T00:00:00Z in microseconds since the Unix epoch."""


class LedgerBusyError(RuntimeError):
    """Another process writes the ledger."""


Stopped = Callable[[], bool]


class Ledger:
    """A connection that may write the ledger. psycopg.OperationalError where the server goes away."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    @classmethod
    def open(cls, settings: Settings, patience: float = float("inf"), stopped: Stopped = lambda: False) -> Self:
        """Connect and become the writer.

        Waits while another process is; LedgerBusyError after `patience` seconds, or once `stopped()`.
        """
        connection = psycopg.connect(
            settings.postgres(), autocommit=True, connect_timeout=10, application_name="tickhouse settlement"
        )
        try:
            become_only(connection, WRITER_LOCK, "the ledger", patience, stopped)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.connection.close()

    def load(self) -> tuple[Books, int]:
        """The books as they stand, and the number of the last dead letter."""
        ask = self.connection.execute
        accounts = [
            Account(number, house if trader_id is None else trader_id, asset, balance)
            for number, trader_id, house, asset, balance in ask(statement("load_accounts"))
        ]
        numbers = ask(statement("load_numbers")).fetchone()
        assert numbers
        last_entry, last_update, last_dead_letter = numbers
        books = Books(
            symbols=[symbol for (symbol,) in ask("select symbol from reference.instruments")],
            traders=[trader_id for (trader_id,) in ask("select trader_id from reference.users")],
            accounts=accounts,
            update_sequences=dict(ask(statement("load_update_sequences")).fetchall()),
            trade_sequences=dict(ask(statement("load_trade_sequences")).fetchall()),
            actions=[_action(row) for row in ask(statement("load_actions"))],
            last_entry=last_entry,
            last_update=last_update,
        )
        return books, last_dead_letter

    def offsets(self, group: str, topic: str) -> dict[int, int]:
        """Where to go on reading, by partition."""
        return dict(self.connection.execute(statement("load_offsets"), (group, topic)).fetchall())

    def settled(self, trade_ids: Sequence[str]) -> dict[str, Trade]:
        """Those of the trades that are in the ledger."""
        rows = self.connection.execute(statement("settled_trades"), {"trade_ids": list(trade_ids)})
        names = Trade.__struct_fields__
        return {row[1]: Trade(**dict(zip(names, row, strict=True))) for row in rows}

    def write(
        self,
        journal: Journal,
        group: str = "",
        topic: str = "",
        offsets: dict[int, int] | None = None,
        dead_letters: Iterable[tuple[int, int, DeadLetter]] = (),
    ) -> None:
        """Write all of it, or nothing; `dead_letters` are (number, item, letter)."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            _copy(cursor, "copy_accounts", _ACCOUNTS, map(_account_row, journal.accounts))
            _copy(cursor, "copy_trades", _TRADES, map(_trade_row, journal.trades))
            entries = ((*entry[:3], entry.event_time - POSTGRES_EPOCH) for entry in journal.entries)
            _copy(cursor, "copy_entries", _ENTRIES, entries)
            _copy(cursor, "copy_postings", _POSTINGS, journal.postings)
            _copy(cursor, "copy_outbox", _OUTBOX, map(_update_row, journal.updates))
            if journal.actions:
                cursor.executemany(statement("insert_action"), map(astuple, journal.actions))
            if journal.breaches:
                cursor.executemany(statement("insert_breach"), journal.breaches)
            letters = [_letter_row(*letter) for letter in dead_letters]
            if letters:
                cursor.executemany(statement("insert_dead_letter"), letters)
            saved = [(group, topic, partition, offset) for partition, offset in (offsets or {}).items()]
            if saved:
                cursor.executemany(statement("save_offset"), saved)
            if journal.updates or letters:
                cursor.execute("notify outbox")


def become_only(
    connection: psycopg.Connection[Any], key: int, what: str, patience: float, stopped: Stopped = lambda: False
) -> None:
    """Take the advisory lock `key` for as long as the connection lives; LedgerBusyError if that takes too long."""
    until, told = time.monotonic() + patience, 0.0
    while True:
        row = connection.execute("select pg_try_advisory_lock(%s)", (key,)).fetchone()
        if row and row[0]:
            return
        if stopped() or time.monotonic() >= until:
            raise LedgerBusyError(f"another process writes {what}: stop it first, or wait until it has ended")
        if time.monotonic() - told > 10:
            log.info("waiting", reason=f"another process writes {what}")
            told = time.monotonic()
        time.sleep(0.2)


_ACCOUNTS = ("int8", "int8", "text", "text")
_TRADES = ("text", "text", *["int8"] * 9, "text", "int8")
_ENTRIES = ("int8", "text", "text", "int8")
_POSTINGS = ("int8", "int2", "int8", "int8")
_OUTBOX = ("int8", "int8", "int8", "text", "text", "text", "int8", "int8", "int8", "int8", "int8")


def _copy(cursor: psycopg.Cursor[Any], name: str, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with cursor.copy(statement(name)) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def _action(row: Sequence[Any]) -> CorporateAction:
    return CorporateAction(**dict(zip(CorporateAction.__struct_fields__, row, strict=True)))


def _account_row(account: Account) -> tuple[Any, ...]:
    if isinstance(account.owner, int):
        return account.account_id, account.owner, None, account.asset
    return account.account_id, None, account.owner, account.asset


def _trade_row(trade: Trade) -> tuple[Any, ...]:
    return (
        trade.trade_id,
        trade.symbol,
        trade.sequence,
        trade.price,
        trade.quantity,
        trade.maker_order_id,
        trade.taker_order_id,
        trade.buy_order_id,
        trade.sell_order_id,
        trade.buyer_id,
        trade.seller_id,
        trade.aggressor_side,
        trade.event_time - POSTGRES_EPOCH,
    )


def _update_row(numbered: tuple[int, Any]) -> tuple[Any, ...]:
    number, update = numbered
    return (
        number,
        update.trader_id,
        update.sequence,
        update.entry_id,
        update.trade_id,
        update.symbol,
        update.cash_change,
        update.quantity_change,
        update.cash,
        update.position,
        update.event_time - POSTGRES_EPOCH,
    )


def _letter_row(number: int, item: int, letter: DeadLetter) -> tuple[Any, ...]:
    place = (number, letter.topic, letter.partition, letter.offset, item)
    return (*place, letter.reason, letter.detail, letter.payload, letter.event_time)
