"""Reconciliation on real Kafka, Iceberg and PostgreSQL: it agrees where all is well, and on nothing else."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import msgspec
import psycopg
import pyarrow as pa
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from pyiceberg.expressions import And, EqualTo
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import Table
from typer.testing import CliRunner

from lakehouse.catalog import catalog
from lakehouse.tables import MARKET, TABLES
from orchestration.reconciliation import Report, UnreachableError, reconcile
from orchestration.reconciliation.history import PastDifference, differences_of, keep
from orchestration.reconciliation.postgres_rows import statement
from stack.cli import app
from streaming.contracts.codec import MINUTE, decode, encode, encode_actions
from streaming.contracts.commands import (
    AnyCommand,
    CancelAll,
    Clock,
    DeclareAction,
    DefineInstrument,
    Halt,
    NewOrder,
    ReplaceOrder,
    Resume,
    SetSession,
)
from streaming.contracts.events import CorporateAction, MarketStatus, Trade
from streaming.contracts.kafka import consumer_config, producer_config
from streaming.contracts.provision import create_topics
from streaming.contracts.reference import instruments, traders
from streaming.contracts.settings import Settings
from streaming.contracts.topics import (
    BOOK_SNAPSHOTS,
    CORPORATE_ACTIONS,
    MARKET_STATUS,
    ORDER_EVENTS,
    PORTFOLIO_UPDATES,
    PRICES,
    TRADES,
    Topic,
)
from streaming.matching.exchange import Exchange
from streaming.settlement import relay, service
from streaming.settlement.migrate import migrate

START = 1_767_364_200_000_000
ORDERS = 400
COMPARED = (ORDER_EVENTS, TRADES, MARKET_STATUS, CORPORATE_ACTIONS, PORTFOLIO_UPDATES)
COUNTED = (PRICES, BOOK_SNAPSHOTS)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def commands() -> Iterator[AnyCommand]:
    """A short day of three symbols with auctions and every kind of order, and an order for one that does not exist.

    A split, a dividend and an action that is refused follow.
    """
    chance = random.Random(5)
    listed = instruments()[:3]
    for instrument in listed:
        rules = msgspec.structs.asdict(instrument)
        names = ("symbol", "tick_size", "lot_size", "max_quantity", "collar_bps")
        yield DefineInstrument(**{name: rules[name] for name in names}, event_time=START)
        yield session(instrument.symbol, "pre_open", START, instrument.initial_price)
    people = [trader.trader_id for trader in traders()][2:22]
    for number in range(1, ORDERS + 1):
        instrument, trader, now = chance.choice(listed), chance.choice(people), START + number * MINUTE // 10
        for place, name in {ORDERS // 4: "continuous", ORDERS - 40: "closing_auction"}.items():
            if number == place:
                yield from (session(one.symbol, name, now) for one in listed)
        if number % 50 == 0:
            yield from (Clock(symbol=one.symbol, event_time=now) for one in listed)
        if number == 200:
            yield Halt(symbol="ACME", event_time=now)
        if number == 230:
            yield Resume(symbol="ACME", event_time=now)
        stop = instrument.initial_price + 100 * chance.randint(-3, 3) if number % 20 == 0 else None
        yield NewOrder(
            order_id=number,
            trader_id=trader,
            symbol="GHOST" if number == 50 else instrument.symbol,
            side=chance.choice(["buy", "sell"]),
            order_type="limit" if stop is None else "stop_limit",
            time_in_force="gtd" if number % 7 == 0 else "day",
            price=instrument.initial_price + 100 * chance.randint(-3, 3),
            stop_price=stop,
            display_quantity=1 if number % 5 == 0 else None,
            quantity=chance.randint(1, 5),
            expire_time=now + 3 * MINUTE if number % 7 == 0 else None,
            post_only=stop is None and number % 11 == 0,
            self_trade_prevention=chance.choice([None, "decrement_and_cancel"]),
            event_time=now,
        )
        if number % 6 == 0:
            more = {"trader_id": trader, "symbol": instrument.symbol, "event_time": now}
            yield ReplaceOrder(order_id=number, quantity=4, price=instrument.initial_price, **more)
        if number % 40 == 0:
            yield CancelAll(trader_id=trader, symbol=instrument.symbol, event_time=now)
    for instrument in listed:
        yield session(instrument.symbol, "closed", START + ORDERS * MINUTE)
    declared: dict[str, Any] = {"ex_date": "2026-01-05", "event_time": START + (ORDERS + 1) * MINUTE}
    first, second, third = (instrument.symbol for instrument in listed)
    yield DeclareAction(action_id="a", symbol=first, kind="split", numerator=3, denominator=2, **declared)
    yield DeclareAction(action_id="b", symbol=first, kind="cash_dividend", amount=1_234, **declared)
    yield DeclareAction(action_id="c", symbol=second, kind="cash_dividend", amount=2_500, **declared)
    yield DeclareAction(action_id="d", symbol=third, kind="split", **declared)


def session(symbol: str, name: Any, at: int, reference: int | None = None) -> SetSession:
    return SetSession(symbol=symbol, session=name, trading_date="2026-01-02", reference_price=reference, event_time=at)


def trade_a_day(settings: Settings) -> int:
    """What the engine would publish; returns how many trades."""
    producer = Producer(producer_config(settings))
    exchange, traded = Exchange(), 0
    kinds: set[str] = set()
    for command in commands():
        events = exchange.apply(command)
        trades = [event for event in events if isinstance(event, Trade)]
        status = [event for event in events if isinstance(event, MarketStatus)]
        actions = [event for event in events if isinstance(event, CorporateAction)]
        others = [event for event in events if not isinstance(event, Trade | MarketStatus | CorporateAction)]
        traded += len(trades)
        told = ((ORDER_EVENTS, others), (TRADES, trades), (MARKET_STATUS, status), (CORPORATE_ACTIONS, actions))
        for topic, items in told:
            if items:
                value = encode(topic, command.symbol, items, command.event_time)
                producer.produce(topic.name, value, command.symbol)
        if actions:
            value = encode_actions(command.symbol, actions, command.event_time)
            producer.produce(TRADES.name, value, command.symbol)
        market = exchange.markets.get(command.symbol)
        if events and market:
            for topic, views in ((PRICES, [market.price()]), (BOOK_SNAPSHOTS, market.snapshot())):
                producer.produce(topic.name, encode(topic, command.symbol, views, market.now), command.symbol)
        kinds |= {type(event).__name__ for event in events}
    producer.flush(30)
    every = {kind.__name__ for kind in (*get_args(ORDER_EVENTS.item), Trade, MarketStatus, CorporateAction)}
    assert kinds == every, "the day has every kind of event"
    return traded


def settle(settings: Settings, traded: int) -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=run, args=(settings, stop)) for run in (service.run, relay.run)]
    for thread in threads:
        thread.start()
    done = "select (select max(id) from ledger.outbox) = last_id from ledger.relayed where topic = 'portfolio-updates'"
    with psycopg.connect(settings.postgres(), autocommit=True) as connection:
        until = time.monotonic() + 60
        while True:
            # Whatever is committed balances, in every asset, also in the midst of settling.
            trial = connection.execute(statement("conservation")).fetchall()
            assert [row for row in trial if row[1] or row[2] + row[3]] == []
            counts = "select (select count(*) from ledger.trades), (select count(*) from ledger.corporate_actions)"
            if connection.execute(counts).fetchone() == (traded, 4) and connection.execute(done).fetchone() == (True,):
                break
            assert time.monotonic() < until, "settlement takes too long"
            time.sleep(0.2)
    stop.set()
    for thread in threads:
        thread.join()


def column(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_decimal(kind):
        return Decimal(value).scaleb(-4)
    return EPOCH + timedelta(microseconds=value) if pa.types.is_timestamp(kind) else value


def create_plain_tables(settings: Settings) -> None:
    """The tables' columns without their partitions, which PyIceberg cannot write."""
    lake = catalog(settings)
    lake.create_namespace(MARKET)
    for table in TABLES:
        lake.create_table(table.identifier, table.schema)
    lake.close()


def fill_lake(settings: Settings, topic: Topic) -> None:
    """What Flink would write."""
    with lake_table(settings, topic) as table:
        schema = schema_to_pyarrow(table.schema())
        consumer = Consumer(consumer_config(settings, "test", enable_partition_eof=True))
        partitions = consumer.list_topics(topic.name, 10).topics[topic.name].partitions
        consumer.assign([TopicPartition(topic.name, partition, 0) for partition in partitions])
        rows, ended = [], set()
        while len(ended) < len(partitions):
            for message in consumer.consume(500, 0.1):
                if message.error():
                    ended.add(message.partition())
                    continue
                place = {
                    "kafka_partition": message.partition(),
                    "kafka_offset": message.offset(),
                    "kafka_time": message.timestamp()[1] * 1000,
                }
                rows += [{**msgspec.to_builtins(item), **place} for item in decode(topic, message.value())]
        for order in (order for row in rows if topic is BOOK_SNAPSHOTS for order in row["orders"]):
            order["price_units"] = order.pop("price")
        consumer.close()
        values = [{f.name: column(row.get(f.name), f.type) for f in schema} for row in rows]
        table.append(pa.Table.from_pylist(values, schema=schema))


def fill_bars(settings: Settings) -> None:
    """The bars that Flink would make of the lake's trades; what is not compared stays at zero."""
    with lake_table(settings, TRADES) as table:
        trades = sorted(table.scan().to_arrow().to_pylist(), key=lambda trade: trade["sequence"])
    minutes: dict[tuple[str, datetime], list[dict[str, Any]]] = defaultdict(list)
    for trade in trades:
        minutes[trade["symbol"], trade["event_time"].replace(second=0, microsecond=0)].append(trade)
    lake = catalog(settings)
    table = lake.load_table("market.bars_1m")
    schema = schema_to_pyarrow(table.schema())
    rows = [
        {
            **{field.name: Decimal(0) for field in schema if pa.types.is_decimal(field.type)},
            "symbol": symbol,
            "event_time": minute,
            "high": max(trade["price"] for trade in inside),
            "low": min(trade["price"] for trade in inside),
            "volume": sum(trade["quantity"] for trade in inside),
            "trades": len(inside),
            "turnover": sum((trade["price"] * trade["quantity"] for trade in inside), Decimal(0)),
            "first_sequence": inside[0]["sequence"],
            "last_sequence": inside[-1]["sequence"],
        }
        for (symbol, minute), inside in minutes.items()
    ]
    table.append(pa.Table.from_pylist(rows, schema=schema))
    lake.close()


@contextmanager
def lake_table(settings: Settings, topic: Topic) -> Iterator[Table]:
    lake = catalog(settings)
    try:
        yield lake.load_table(next(table.identifier for table in TABLES if table.topic is topic))
    finally:
        lake.close()


@dataclass
class Stores:
    settings: Settings
    trades: int

    def report(self) -> Report:
        return reconcile(self.settings, patience=2)

    def failing(self) -> set[str]:
        return {check.name for check in self.report().checks if not check.passed}

    @contextmanager
    def ledger_changed(self, change: str, undo: str) -> Iterator[None]:
        """As a hand with every right would: triggers and keys are off."""
        with psycopg.connect(self.settings.postgres(), autocommit=True) as connection:
            connection.execute("set session_replication_role = replica")
            assert connection.execute(change).rowcount != 0  # type: ignore[call-overload]
            try:
                yield
            finally:
                connection.execute(undo)  # type: ignore[call-overload]

    @contextmanager
    def row_twice(self, topic: Topic, place: int) -> Iterator[pa.Table]:
        """One row of a table is there twice; which."""
        with lake_table(self.settings, topic) as table:
            row = table.scan().to_arrow().sort_by([("symbol", "ascending"), ("sequence", "ascending")]).slice(place, 1)
            where = And(*(EqualTo(name, row[name][0].as_py()) for name in ("symbol", "sequence")))  # type: ignore[no-untyped-call]
            table.append(row)
            try:
                yield row
            finally:
                table.delete(where)
                table.append(row)

    def kept(self) -> dict[str, list[PastDifference]]:
        """Reconcile, keep it, and read back what differed, by check."""
        run_id = keep(self.settings, self.report(), "command")
        found: dict[str, list[PastDifference]] = defaultdict(list)
        for difference in differences_of(self.settings, run_id, 100):
            found[difference.check_name].append(difference)
        return found

    @contextmanager
    def lake_changed(self, topic: Topic, place: int, change: dict[str, Any] | None) -> Iterator[None]:
        """One row of a table is changed, or gone."""
        number = "last_sequence" if topic in COUNTED else "sequence"
        key = ("trader_id" if topic is PORTFOLIO_UPDATES else "symbol", number)
        with lake_table(self.settings, topic) as table:
            rows = table.scan().to_arrow().sort_by([(name, "ascending") for name in key])
            row = rows.slice(place, 1)
            where = And(*(EqualTo(name, row[name][0].as_py()) for name in key))  # type: ignore[no-untyped-call]
            table.delete(where)
            if change is not None:
                table.append(pa.Table.from_pylist([{**row.to_pylist()[0], **change}], schema=row.schema))
            try:
                yield
            finally:
                table.delete(where)
                table.append(row)


@pytest.fixture(scope="module")
def stores(fresh_stack: Callable[..., Settings]) -> Stores:
    settings = fresh_stack("postgres", "kafka")
    create_topics(settings)
    migrate(settings)
    create_plain_tables(settings)
    traded = trade_a_day(settings)
    settle(settings, traded)
    for topic in (*COMPARED, *COUNTED):
        fill_lake(settings, topic)
    fill_bars(settings)
    return Stores(settings, traded)


def test_all_three_agree(stores: Stores) -> None:
    report = stores.report()
    assert [(check.name, check.sample) for check in report.checks if not check.passed] == []
    trades = next(check for check in report.checks if check.name == "trades")
    assert trades.kafka == trades.iceberg == trades.postgres == stores.trades > 50
    actions = next(check for check in report.checks if check.name == "corporate_actions")
    assert actions.kafka == actions.iceberg == actions.postgres == 4
    assert set(report.cut) == {instrument.symbol for instrument in instruments()[:3]}


def test_a_trade_missing_in_the_ledger_is_found(stores: Stores) -> None:
    keep = "create temp table kept as select * from ledger.trades order by trade_id offset 7 limit 1; "
    change = keep + "delete from ledger.trades where trade_id in (select trade_id from kept)"
    with stores.ledger_changed(change, "insert into ledger.trades select * from kept"):
        assert stores.failing() == {"trades", "double_entry", "balances"}


@pytest.mark.parametrize(
    ("field", "found_by"),
    [
        ("price", {"trades", "balances"}),
        ("taker_order_id", {"trades"}),
        ("sell_order_id", {"trades"}),
        ("event_time", {"trades"}),
    ],
)
def test_a_trade_changed_in_the_ledger_is_found(stores: Stores, field: str, found_by: set[str]) -> None:
    step = "interval '1 microsecond'" if field == "event_time" else "1"
    one = f"(select min(trade_id) from ledger.trades where {field} is not null)"
    change = f"update ledger.trades set {field} = {field} {{}} {step} where trade_id = {one}"
    with stores.ledger_changed(change.format("+"), change.format("-")):
        assert stores.failing() == found_by


def test_a_unit_moved_between_two_balances_is_found(stores: Stores) -> None:
    accounts = "(select account_id from ledger.accounts where asset = 'USD' and trader_id = {})"
    change = " ".join(
        f"update ledger.balances set balance = balance + {step} where account_id = {accounts.format(trader)};"
        for trader, step in ((1, "{}"), (2, "-({})"))
    )
    with stores.ledger_changed(change.format(1, 1), change.format(-1, -1)):
        assert stores.failing() == {"balances", "portfolio_updates"}


def test_a_share_out_of_nowhere_is_found(stores: Stores) -> None:
    one = "(select min(account_id) from ledger.accounts where asset = 'ACME' and trader_id is not null)"
    change = f"update ledger.balances set balance = balance {{}} 1 where account_id = {one}"
    with stores.ledger_changed(change.format("+"), change.format("-")):
        assert stores.failing() == {"shares_conserved", "balances", "portfolio_updates"}


@pytest.mark.parametrize("field", ["amount", "numerator"])
def test_an_action_changed_in_the_ledger_is_found(stores: Stores, field: str) -> None:
    change = f"update ledger.corporate_actions set {field} = {field} {{}} 1 where {field} is not null"
    with stores.ledger_changed(change.format("+"), change.format("-")):
        assert stores.failing() == {"corporate_actions", "balances"}


def test_a_share_and_a_cent_too_much_are_kept_row_by_row(stores: Stores) -> None:
    for asset, units in (("ACME", 1), ("USD", 100)):
        one = f"(select min(account_id) from ledger.accounts where asset = '{asset}' and trader_id is not null)"
        change = f"update ledger.balances set balance = balance {{}} {units} where account_id = {one}"
        with stores.ledger_changed(change.format("+"), change.format("-")):
            wrong, right = stores.kept()["balances"]
        rows = [said.detail.partition(" has ")[2].partition(",")[0] for said in (wrong, right)]
        (key, amount), (same, other) = (row.split(" amount=") for row in rows)
        assert (key == same, key.endswith(f"asset={asset}")) == (True, True)
        assert abs(int(amount) - int(other)) == units
        assert (wrong.stores, right.stores) == (["postgres"], ["postgres"])


def test_a_missing_and_a_doubled_trade_are_kept_with_the_stores_that_differ(stores: Stores) -> None:
    with lake_table(stores.settings, TRADES) as table:
        rows = table.scan().to_arrow().sort_by([("symbol", "ascending"), ("sequence", "ascending")]).to_pylist()
    with stores.lake_changed(TRADES, 1, None):
        found = [(said.stores, said.detail) for said in stores.kept()["trades"]]
    name = f"trade_id={rows[1]['trade_id']} "
    assert [stores_ for stores_, _ in found] == [["kafka", "iceberg"], ["iceberg", "postgres"]]
    assert all(name in detail and "Iceberg does not" in detail for _, detail in found)
    with stores.row_twice(TRADES, 2) as row:
        found = [(said.stores, said.detail) for said in stores.kept()["trades"]]
    key = f"Iceberg has {row['symbol'][0]}, {row['sequence'][0]}"
    assert [stores_ for stores_, _ in found] == [["iceberg"], ["iceberg"]]
    assert all(detail.startswith(key) and detail.endswith(" 2 times") for _, detail in found)
    keep_trade = "create temp table kept as select * from ledger.trades order by trade_id offset 7 limit 1; "
    gone = keep_trade + "delete from ledger.trades where trade_id in (select trade_id from kept)"
    with stores.ledger_changed(gone, "insert into ledger.trades select * from kept"):
        (said,) = stores.kept()["trades"]
    assert (said.stores, said.detail.endswith("PostgreSQL does not")) == (["iceberg", "postgres"], True)


def test_the_history_shows_the_last_runs_and_what_differed(stores: Stores) -> None:
    runner = CliRunner()
    with stores.ledger_changed(
        "insert into ledger.breaches values ('ACME-1', 'negative_cash', 4, 'test', now())",
        "delete from ledger.breaches",
    ):
        assert runner.invoke(app, ["reconcile", "--patience", "2"]).exit_code == 1
    shown = runner.invoke(app, ["reconcile", "--history", "--json"])
    assert shown.exit_code == 0, shown.output
    last = json.loads(shown.stdout.splitlines()[0])
    assert (last["origin"], last["passed"], last["failed"], last["differences"]) == ("command", False, ["breaches"], 1)
    assert (last["symbols"], last["events"] > stores.trades) == (3, True)
    rows = runner.invoke(app, ["reconcile", "--run", str(last["run_id"]), "--json"])
    (said,) = [json.loads(line) for line in rows.stdout.splitlines()]
    assert said == {"check_name": "breaches", "stores": ["postgres"], "detail": "ACME-1: negative_cash 4, test"}
    assert "breaches" in runner.invoke(app, ["reconcile", "--history"]).stdout


def test_a_breach_is_told(stores: Stores) -> None:
    change = "insert into ledger.breaches values ('ACME-1', 'negative_cash', 4, 'test', now())"
    with stores.ledger_changed(change, "delete from ledger.breaches"):
        assert stores.failing() == {"breaches"}


@pytest.mark.parametrize(
    ("topic", "change", "found_by"),
    [
        (TRADES, None, {"trades", "sequences", "bars"}),
        (TRADES, {"price": Decimal("1.0000")}, {"trades", "bars"}),
        (TRADES, {"quantity": 999_999}, {"trades", "filled", "bars"}),
        (ORDER_EVENTS, None, {"order_events", "sequences", "filled"}),
        (ORDER_EVENTS, {"trader_id": 1}, {"order_events", "filled"}),
        (ORDER_EVENTS, {"display_quantity": 3}, {"order_events"}),
        (ORDER_EVENTS, {"post_only": True}, {"order_events"}),
        (MARKET_STATUS, {"auction_quantity": 3}, {"market_status"}),
        (CORPORATE_ACTIONS, None, {"corporate_actions", "sequences"}),
        (CORPORATE_ACTIONS, {"amount": Decimal("1.0000")}, {"corporate_actions"}),
        (PRICES, None, {"prices"}),
        (BOOK_SNAPSHOTS, None, {"book_snapshots"}),
        (MARKET_STATUS, {"trading_date": "2026-01-05"}, {"market_status"}),
        (PORTFOLIO_UPDATES, None, {"portfolio_updates"}),
        (PORTFOLIO_UPDATES, {"cash": Decimal("1.0000")}, {"portfolio_updates"}),
    ],
)
def test_a_row_changed_or_gone_in_the_lake_is_found(
    stores: Stores, topic: Topic, change: dict[str, Any] | None, found_by: set[str]
) -> None:
    with stores.lake_changed(topic, 1, change):
        assert stores.failing() == found_by


def test_the_command_prints_and_exits_with_the_verdict(stores: Stores) -> None:
    runner = CliRunner()
    good = runner.invoke(app, ["reconcile"])
    assert good.exit_code == 0, good.output
    assert "Everything agrees" in good.output
    with stores.ledger_changed(
        "insert into ledger.breaches values ('ACME-1', 'negative_cash', 4, 'test', now())",
        "delete from ledger.breaches",
    ):
        bad = runner.invoke(app, ["reconcile", "--json"])
    assert bad.exit_code == 1
    told = json.loads(bad.stdout)
    assert [check["name"] for check in told["checks"] if not check["passed"]] == ["breaches"]


def test_a_stack_that_is_down_is_said_to_be(stores: Stores) -> None:
    nowhere = Settings(home=stores.settings.home, port_offset=40_000)
    with pytest.raises(UnreachableError, match="PostgreSQL"):
        reconcile(nowhere)


def test_what_kafka_let_go_is_not_missed(stores: Stores) -> None:
    admin = AdminClient({"bootstrap.servers": stores.settings.kafka})
    consumer = Consumer(consumer_config(stores.settings, "test"))
    for topic in (*COMPARED, *COUNTED):
        _, end = consumer.get_watermark_offsets(TopicPartition(topic.name, 0), 10)
        place = TopicPartition(topic.name, 0, min(5, end))
        admin.delete_records([place])[place].result(10)
    consumer.close()
    assert stores.failing() == set()


def test_a_trade_that_only_kafka_has_is_found(stores: Stores) -> None:
    """The last test: Kafka cannot be set back."""
    trade = Trade(
        sequence=1,
        trade_id="LYNX-1",
        symbol="LYNX",
        price=1_000_000,
        quantity=1,
        maker_order_id=1,
        taker_order_id=2,
        buyer_id=1,
        seller_id=2,
        aggressor_side="buy",
        event_time=START,
    )
    producer = Producer(producer_config(stores.settings))
    producer.produce(TRADES.name, encode(TRADES, "LYNX", [trade], START), "LYNX")
    producer.flush(10)
    assert {"caught_up", "trades"} <= stores.failing()
