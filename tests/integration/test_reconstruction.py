"""The book of any instant, from Iceberg alone, is the engine's: to the order, its hidden part and its place."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.expressions import BooleanExpression
from pyiceberg.expressions.visitors import bind
from pyiceberg.io.pyarrow import expression_to_pyarrow

from lakehouse.catalog import catalog
from lakehouse.reconstruction.answer import StoredBook
from lakehouse.reconstruction.instant import book_after, book_at
from lakehouse.reconstruction.rows import in_units
from lakehouse.reconstruction.store import NEEDED, Store
from lakehouse.tables import MARKET
from streaming.contracts.events import RestingOrder
from streaming.contracts.settings import Settings
from streaming.matching import views
from streaming.matching.market import SymbolMarket
from tests.integration.stored_market import Lived, add, live, rows_of
from tests.matching_streams import SECOND, START, Day

SYMBOLS = ("ACME", "BLUE", "CRUX")
DAYS = 3
INSTANTS = 1_200
DIRECT = 30
"""How many instants are read from the files anew, each by itself; the others from rows that were read once."""


class ReadOnce(Store):
    """A store that keeps what it has read: so that many instants can be tried."""

    def __init__(self, tables: Any) -> None:
        super().__init__(tables)
        self._rows = {name: table.scan().to_arrow() for name, table in tables.items()}

    def rows(
        self, table: str, where: BooleanExpression, columns: Iterable[str] = ("*",), *, limit: int | None = None
    ) -> pa.Table:
        found = self._rows[table].filter(expression_to_pyarrow(bind(self._tables[table].schema(), where, True)))
        names = found.column_names if "*" in columns else list(columns)
        return in_units(found.select(names).slice(0, limit))


@dataclass
class Stored:
    """Markets that have lived, and the lake that holds what they told."""

    settings: Settings
    lives: dict[str, Lived]
    once: ReadOnce


@pytest.fixture(scope="module")
def stored(fresh_stack: Callable[..., Settings]) -> Stored:
    settings = fresh_stack("tables")
    chance = random.Random(7)
    lives = {}
    for number, symbol in enumerate(SYMBOLS):
        commands = Day(symbol, number).commands(2_400, days=DAYS)
        times = [chance.choice(commands).event_time + chance.choice((0, 0, 1, SECOND)) for _ in range(INSTANTS // 6)]
        times = [time for time in times if START < time < commands[-1].event_time]
        lives[symbol] = live(SymbolMarket(symbol), commands, every=140, times=times)
    lake = catalog(settings)
    try:
        tables = {name: lake.load_table(f"{MARKET}.{name}") for name in NEEDED}
        for name, rows in rows_of(list(lives.values())).items():
            add(tables[name], rows, "first")
        once = ReadOnce({name: lake.load_table(f"{MARKET}.{name}") for name in NEEDED})
    finally:
        lake.close()
    return Stored(settings, lives, once)


@pytest.fixture(scope="module", autouse=True)
def small_parts() -> Any:
    """Books of more than 40 orders are told in parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "SNAPSHOT_ORDERS", 40)
        yield


def resting(book: StoredBook) -> list[RestingOrder]:
    """As the engine tells its book."""
    return [
        RestingOrder(
            order_id=order.order_id,
            trader_id=order.trader_id,
            side=order.side,
            price=order.price,
            quantity=order.quantity,
            shown_quantity=None if order.shown_quantity == order.quantity else order.shown_quantity,
        )
        for order in book.orders
    ]


def check_at(store: Store, lived: Lived, time: int) -> StoredBook:
    book = book_at(store, lived.symbol, time)
    sequence, orders = lived.at[time]
    # What the engine does by itself is told with the next command: up to then it is not stored.
    assert book.sequence == sequence
    assert resting(book) == orders
    return book


def check_after(store: Store, lived: Lived, sequence: int) -> StoredBook:
    book = book_after(store, lived.symbol, sequence)
    assert book.sequence == sequence
    assert resting(book) == lived.after[sequence]
    return book


def test_the_book_is_the_engines_at_random_instants(stored: Stored) -> None:
    chance = random.Random(1)
    bases = [0, 0]
    tried = 0
    for lived in stored.lives.values():
        for time in lived.at:
            bases[check_at(stored.once, lived, time).base_sequence > 0] += 1
            tried += 1
        for sequence in chance.sample(sorted(lived.after), INSTANTS // 4):
            bases[check_after(stored.once, lived, sequence).base_sequence > 0] += 1
            tried += 1
    assert tried >= 1_000
    assert bases[True] > 0.9 * tried, "nearly all are made of the nearest stored book"
