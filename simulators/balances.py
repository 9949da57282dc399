"""What traders have, from the books, and which trades are already in those books."""

from __future__ import annotations

from collections.abc import Collection

import psycopg
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from simulators.risk import Account
from simulators.sql import statement
from streaming.contracts.settings import Settings
from streaming.contracts.topics import TRADES

CASH = "USD"

Balances = tuple[dict[int, Account], dict[int, int]]
"""Accounts by trader; and by partition of `trades` the offset of the first one that is not in them."""


class NotSeededError(RuntimeError):
    """The books do not know a trader: the database is not migrated yet."""


@retry(
    retry=retry_if_exception_type((NotSeededError, psycopg.OperationalError, psycopg.ProgrammingError)),
    stop=stop_after_delay(60),
    wait=wait_fixed(1),
    reraise=True,
)
def await_balances(settings: Settings, traders: Collection[int]) -> Balances:
    """`read_balances`, for a service that may start before the database is there: tries for a minute."""
    return read_balances(settings, traders)


def read_balances(settings: Settings, traders: Collection[int]) -> Balances:
    """The traders' balances, all from one snapshot of the database.

    NotSeededError where a trader is missing, psycopg.Error where the
    database cannot be reached.
    """
    accounts: dict[int, Account] = {}
    with psycopg.connect(settings.postgres("tickhouse", "reader"), connect_timeout=10) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for trader, asset, balance in connection.execute(statement("balances"), {"traders": list(traders)}):
            account = accounts.setdefault(trader, Account(0, {}))
            if asset == CASH:
                account.cash = balance
            else:
                account.shares[asset] = balance
        offsets: dict[int, int] = dict(
            connection.execute(statement("settled_offsets"), {"topic": TRADES.name}).fetchall()
        )
    if missing := set(traders) - accounts.keys():
        raise NotSeededError(f"the ledger has no trader {min(missing)}")
    return accounts, offsets
