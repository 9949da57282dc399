"""The book of any instant, from Iceberg alone, is the engine's: to the order, its hidden part and its place."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.expressions import BooleanExpression
from pyiceberg.expressions.visitors import bind
from pyiceberg.io.pyarrow import expression_to_pyarrow
from typer.testing import CliRunner

from lakehouse.catalog import catalog
from lakehouse.reconstruction.answer import StoredBook
from lakehouse.reconstruction.instant import book_after, book_at
from lakehouse.reconstruction.rows import in_units
from lakehouse.reconstruction.store import NEEDED, Store, StoreError, open_store
from lakehouse.tables import MARKET
from stack.cli import app
from streaming.contracts.commands import AnyCommand, DeclareAction, SetSession
from streaming.contracts.events import Accepted, Cancelled, CorporateAction, MarketStatus, RestingOrder, Trade
from streaming.contracts.money import to_decimal
from streaming.contracts.settings import Settings, settings
from streaming.matching import views
from streaming.matching.market import SymbolMarket
from tests.integration.stored_market import Lived, add, live, rows_of
from tests.matching_streams import DAY, SECOND, START, Day

SYMBOLS = ("ACME", "BLUE", "CRUX")
DAYS = 3
INSTANTS = 1_080
DIRECT = 12
"""How many instants are read from the files anew, each by itself; the others from rows that were read once."""
CONDITIONS = ("symbol", "sequence", "last_sequence", "event_time", "order_id")
"""The columns that conditions are about."""


class ReadOnce(Store):
    """A store that keeps what it has read, so that many instants can be tried."""

    def __init__(self, tables: Any) -> None:
        super().__init__(tables)
        self._rows = {name: table.scan().to_arrow() for name, table in tables.items()}

    def rows(
        self, table: str, where: BooleanExpression, columns: Iterable[str] = ("*",), *, limit: int | None = None
    ) -> pa.Table:
        found = self._rows[table]
        names = found.column_names if "*" in columns else list(columns)
        asked = [name for name in found.column_names if name in {*names, *CONDITIONS}]
        condition = expression_to_pyarrow(bind(self._tables[table].schema(), where, True))
        return in_units(found.select(asked).filter(condition).select(names).slice(0, limit))


@dataclass
class Stored:
    """Markets that have lived, and the lake that holds what they told."""

    settings: Settings
    lives: dict[str, Lived]
    once: ReadOnce


@pytest.fixture(scope="module")
def small_parts() -> Iterator[None]:
    """Books of more than 40 orders are told in parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "SNAPSHOT_ORDERS", 40)
        yield


@pytest.fixture(scope="module")
def stored(fresh_stack: Callable[..., Settings], small_parts: None) -> Stored:
    stack = fresh_stack("tables")
    chance = random.Random(7)
    lives = {}
    for number, symbol in enumerate(SYMBOLS):
        commands = Day(symbol, number).commands(2_400, days=DAYS)
        if symbol == "CRUX":
            split(commands)
        times = [chance.choice(commands).event_time + chance.choice((0, 0, 1, SECOND)) for _ in range(INSTANTS // 6)]
        times = [time for time in times if START < time < commands[-1].event_time]
        lives[symbol] = live(SymbolMarket(symbol), commands, every=140, times=times)
    lake = catalog(stack)
    try:
        tables = {name: lake.load_table(f"{MARKET}.{name}") for name in NEEDED}
        for name, rows in rows_of(list(lives.values())).items():
            add(tables[name], rows, "first")
        once = ReadOnce({name: lake.load_table(f"{MARKET}.{name}") for name in NEEDED})
    finally:
        lake.close()
    return Stored(stack, lives, once)


def split(commands: list[AnyCommand]) -> None:
    """Let a share become two before the second day, which takes every order off."""
    before = [n for n, one in enumerate(commands) if isinstance(one, SetSession) and one.session == "pre_open"][1]
    of = {"action_id": "S1", "symbol": "CRUX", "kind": "split", "ex_date": "2026-01-03"}
    action = DeclareAction(**of, numerator=2, denominator=1, event_time=commands[before - 1].event_time)
    commands.insert(before, action)


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
    for lived in stored.lives.values():
        for time in lived.at:
            bases[check_at(stored.once, lived, time).base_sequence > 0] += 1
        for sequence in chance.sample(sorted(lived.after), INSTANTS // 6):
            bases[check_after(stored.once, lived, sequence).base_sequence > 0] += 1
    assert sum(bases) >= 1_000
    assert bases[True] > 0.9 * sum(bases), "nearly all are made of the nearest stored book"


def test_the_markets_had_everything(stored: Stored) -> None:
    """Icebergs, orders from other days, books in parts, auctions, halts, stops and mass cancels were among it."""
    lived = stored.lives["ACME"]
    (action,) = (event for event in stored.lives["CRUX"].events if isinstance(event, CorporateAction))
    assert action.status == "effective"
    kinds = Counter(type(event).__name__ for event in lived.events)
    assert all(kinds[kind] > 3 for kind in ("Triggered", "Replaced", "MassCancelled", "Expired", "MarketStatus"))
    assert any(isinstance(event, MarketStatus) and event.halt for event in lived.events)
    reasons = {event.reason for event in lived.events if isinstance(event, Cancelled)}
    assert {"self_trade_prevention", "unfilled_remainder"} <= reasons
    assert sum(isinstance(event, Trade) and event.aggressor_side == "none" for event in lived.events) > 30
    assert sum(order.shown_quantity is not None for book in lived.after.values() for order in book) > 300
    assert sum(part.parts > 1 for part in lived.told) > 10
    first_day = {event.order_id for event in lived.events if event.event_time < START + DAY and type(event) is Accepted}
    assert sum(order.order_id in first_day for order in list(lived.after.values())[-1]) > 5, "they rest across days"


def test_the_book_is_the_engines_from_the_files_each_time(stored: Stored) -> None:
    chance = random.Random(2)
    store = open_store(stored.settings)
    for number in range(DIRECT):
        lived = stored.lives[chance.choice(SYMBOLS)]
        if number % 2:
            check_at(store, lived, chance.choice(sorted(lived.at)))
        else:
            check_after(store, lived, chance.choice(sorted(lived.after)))


def test_trades_of_one_order_or_auction_are_one(stored: Stored) -> None:
    """A sequence within them is answered with the book after the last, which the engine had."""
    lived = stored.lives["BLUE"]
    trades = [event for event in lived.events if isinstance(event, Trade)]
    within = [event.sequence for event, later in pairwise(trades) if later.sequence == event.sequence + 1]
    auctions = {event.sequence for event in trades if event.aggressor_side == "none"}
    assert auctions & set(within)
    chance = random.Random(3)
    for sequence in [*chance.sample(within, 30), *sorted(auctions & set(within))[:5]]:
        book = book_after(stored.once, "BLUE", sequence)
        assert book.sequence > sequence
        if book.sequence in lived.after:  # else more came of the command, as the expiry after an auction
            assert resting(book) == lived.after[book.sequence]


def test_shares_ahead_are_those_shown_before_at_the_price(stored: Stored) -> None:
    lived = stored.lives["ACME"]
    book = check_at(stored.once, lived, max(lived.at))
    queues = defaultdict(int)
    for order in book.orders:
        assert order.ahead == queues[order.side, order.price]
        queues[order.side, order.price] += order.shown_quantity
    assert [(row.price, row.shown) for row in (*book.levels("buy"), *book.levels("sell"))] == [
        (price, shown) for (_, price), shown in queues.items()
    ]


def test_the_state_of_an_earlier_commit_is_read_by_id_or_tag(stored: Stored) -> None:
    """Commit time is not market time: what came later to the tables is not seen."""
    lake = catalog(stored.settings)
    try:
        snapshots = []
        for name in NEEDED:
            table = lake.load_table(f"{MARKET}.{name}")
            if snapshot := table.current_snapshot():
                table.manage_snapshots().create_tag(snapshot.snapshot_id, "monday").commit()
                snapshots.append((snapshot.timestamp_ms, snapshot.snapshot_id, name))
        _, newest, of = max(snapshots)
        late = live(SymbolMarket("LATE"), Day("LATE", 9).commands(200), every=60)
        for name, rows in rows_of([late]).items():
            add(lake.load_table(f"{MARKET}.{name}"), rows, "late")
    finally:
        lake.close()
    last = late.events[-1].sequence or 0
    assert resting(book_after(open_store(stored.settings), "LATE", last)) == late.after[last]
    for as_of in (str(newest), "monday"):
        store = open_store(stored.settings, as_of)
        with pytest.raises(StoreError, match="unknown symbol LATE"):
            book_after(store, "LATE", last)
        check_at(store, stored.lives["ACME"], max(stored.lives["ACME"].at))
        assert store.states[of].snapshot_id == newest
    with pytest.raises(StoreError, match="no table has a snapshot 5"):
        open_store(stored.settings, "5")
    with pytest.raises(StoreError, match=r"tag tuesday; there are: .*monday"):
        open_store(stored.settings, "tuesday")


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["book", *words])
    return result.exit_code, result.output


def test_the_command_tells_all_three_levels(stored: Stored) -> None:
    lived = stored.lives["CRUX"]
    sequence = max(number for number, book in lived.after.items() if len(book) > 50)
    answers = []
    for level in ("1", "2", "3"):
        code, output = run("crux", "--sequence", str(sequence), "--level", level, "--json")
        assert code == 0, output
        answers.append(json.loads(output))
        code, output = run("CRUX", "--sequence", str(sequence), "--level", level)
        assert code == 0, output
        assert f"after event {sequence:,}" in output
    best, prices, orders = answers
    assert [(order["order_id"], order["price"]) for order in orders["bids"] + orders["asks"]] == [
        (order.order_id, order.price) for order in lived.after[sequence]
    ]
    assert best["bids"] == prices["bids"][:1]
    assert sum(row["orders"] for row in prices["asks"]) == len(orders["asks"])
    assert orders["read"]["trades"]["snapshot_id"]


def test_what_is_not_stored_is_one_clear_message(stored: Stored) -> None:
    first, last = (stored.lives["ACME"].events[number].event_time for number in (0, -1))
    for words, code, message in [
        (["NONE", "--at", str(last)], 1, "unknown symbol NONE: there is no event of it in the lake"),
        (["NONE", "--sequence", "5"], 1, "unknown symbol NONE"),
        (["A CME", "--at", str(last)], 1, "cannot be a symbol"),
        (["ACME", "--at", str(first - SECOND)], 1, "is before the first event of ACME"),
        (["ACME", "--at", str(last + SECOND)], 1, "is later than the last stored event of ACME"),
        (["ACME", "--sequence", "999999"], 1, "is later than the last stored event of ACME"),
        (["ACME", "--sequence", "0"], 1, "numbered from 1"),
        (["ACME", "--at", "yesterday"], 2, "ISO 8601, as 2026-01-02T14:30:00Z (UTC if it names no offset)"),
        (["ACME"], 2, "--at TIME, --sequence N, or --day DATE"),
        (["ACME", "--at", str(last), "--sequence", "5"], 2, "--at TIME, --sequence N, or --day DATE"),
        (["ACME", "--at", str(last), "--as-of", "nothing"], 1, "tag nothing"),
        (["ACME", "--day", "friday"], 2, "a trading day is written as 2026-11-20"),
        (["ACME", "--day", "2026-01-02", "--every", "0m"], 2, "a whole number and s, m or h"),
        (["ACME", "--day", "2026-01-02", "--level", "3"], 2, "levels 1 and 2"),
    ]:
        found, output = run(*words)
        assert (found, message in output) == (code, True), output
        assert "Traceback" not in output


def test_a_day_that_is_not_loaded_is_named_by_its_events(stored: Stored) -> None:
    lived = stored.lives["ACME"]
    second = [event for event in lived.events if START + DAY <= event.event_time < START + 2 * DAY]
    kept = Lived("GAPS", [event for event in lived.events if event not in second])
    kept.told = [part for part in lived.told if not START + DAY <= part.event_time < START + 2 * DAY]
    rows = rows_of([kept])
    lake = catalog(stored.settings)
    try:
        for name, inside in rows.items():
            add(lake.load_table(f"{MARKET}.{name}"), [{**row, "symbol": "GAPS"} for row in inside], "gaps")
    finally:
        lake.close()
    first, last = second[0].sequence, second[-1].sequence
    code, output = run("GAPS", "--at", str(second[-1].event_time))
    assert code == 1
    assert f"events {first} to {last} of GAPS" in output
    assert "a day is not loaded" in output
    book = book_at(open_store(stored.settings), "GAPS", lived.events[-1].event_time)
    assert book.sequence == lived.events[-1].sequence, "the days after are there"


def test_a_whole_day_by_spark_is_the_book_at_each_instant(stored: Stored) -> None:
    """Also where orders stand from days before, and where a split took them off."""
    for symbol in ("ACME", "CRUX"):
        code, output, _ = by_spark(symbol, "--day", "2026-01-03", "--every", "30s", "--levels", "3", "--json")
        assert code == 0
        found = defaultdict(list)
        for row in map(json.loads, output.splitlines()):
            prices = (row["side"], Decimal(row["price"]), row["shown"], row["hidden"], row["orders"])
            found[row["event_time"]].append(prices)
        assert len(found) > 15
        for text, prices in list(found.items())[:-1]:
            time = int(datetime.fromisoformat(text).timestamp()) * SECOND
            book = book_at(stored.once, symbol, time)
            assert prices == [
                (side, to_decimal(row.price), row.shown, row.hidden, row.orders)
                for side in ("buy", "sell")
                for row in book.levels(side, 3)
            ]
    code, _, error = by_spark("GAPS", "--day", "2026-01-04")
    assert (code, "of GAPS" in error, "a day is not loaded" in error) == (1, True, True)
    code, _, error = by_spark("NONE", "--day", "2026-01-03")
    assert (code, "nothing of NONE is stored of 2026-01-03" in error) == (1, True)


def by_spark(*words: str) -> tuple[int, str, str]:
    """The command in a process of its own, which Spark's end is the end of."""
    command = [Path(sys.executable).with_name("tickhouse"), "book", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_table_that_is_not_there_is_named(stored: Stored) -> None:
    lake = catalog(stored.settings)
    try:
        lake.rename_table(f"{MARKET}.trades", f"{MARKET}.trades_away")
        code, output = run("ACME", "--sequence", "5")
        lake.rename_table(f"{MARKET}.trades_away", f"{MARKET}.trades")
    finally:
        lake.close()
    assert (code, "there is no table market.trades" in output) == (1, True)


def test_a_catalog_that_does_not_answer_is_said(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKHOUSE_POSTGRES_URL", "postgresql://nobody:none@127.0.0.1:1")
    settings.cache_clear()
    code, output = run("ACME", "--sequence", "5")
    settings.cache_clear()
    assert (code, "The lake's catalog does not answer" in output) == (1, True)
