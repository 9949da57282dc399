"""Flink between real Kafka and real Iceberg: exactly once though its processes are killed; bars, alerts recomputed."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from typer.testing import CliRunner

from lakehouse.alone import alone
from lakehouse.maintenance import compact
from lakehouse.progress import ingested, lag, opened, table_states
from lakehouse.schemas import KAFKA_COLUMNS, schema
from lakehouse.tables import evolve
from stack.cli import app
from stack.processes import of_stack
from stack.settings import StackSettings
from streaming.contracts import events, topics
from streaming.contracts.codec import MINUTE, decode, encode
from streaming.contracts.kafka import consumer_config, producer_config
from streaming.contracts.money import to_decimal
from streaming.flink.submit import running_jobs

SYMBOLS = ("ACME", "BLUE", "CRUX", "DUNE", "ECHO", "FERN", "GLOW", "HALO", "IRIS", "JADE", "KITE", "LYNX")
OPEN = 1_767_623_400_000_000  # 2026-01-05 14:30 UTC
MINUTES = 90
JUMP_AT = 70
WAIT = 240


@dataclass
class Market:
    """Publishes a random walk of trades, and remembers what it published."""

    settings: StackSettings
    random: random.Random = field(default_factory=lambda: random.Random(3))
    trades: list[events.Trade] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        self.price = dict.fromkeys(SYMBOLS, 1_000_000)
        self.sequence = dict.fromkeys(SYMBOLS, 0)
        self.producer = Producer(producer_config(self.settings, transactional_id="test-market"))
        self.producer.init_transactions(60)

    def minutes(self, first: int, last: int, jump: int | None = None) -> None:
        """Trade every minute of [first, last), each minute in a transaction of its own."""
        for minute in range(first, last):
            self.producer.begin_transaction()
            for symbol in SYMBOLS:
                if minute == jump and symbol == "ACME":
                    self.price[symbol] += 50_000
                items = [self.trade(symbol, OPEN + minute * MINUTE + second * 8_000_001) for second in range(7)]
                self.send(topics.TRADES, symbol, items)
                self.send(topics.PRICES, symbol, [price_after(items[-1])])
                self.send(topics.ORDER_EVENTS, symbol, [cancelled(items[-1]), unknown(items[-1])])
            self.producer.commit_transaction(60)

    def close(self, minute: int) -> None:
        """What the engine says after the close, and one message of everything else."""
        now = OPEN + minute * MINUTE
        self.producer.begin_transaction()
        for symbol in SYMBOLS:
            self.send(topics.TRADES, symbol, [], now)
            orders = [
                events.RestingOrder(order_id=1, trader_id=2, side="buy", price=999_900, quantity=5),
                events.RestingOrder(order_id=3, trader_id=4, side="sell", price=999_950, quantity=9, shown_quantity=2),
            ]
            book = events.BookSnapshot(symbol=symbol, last_sequence=9, part=1, parts=1, orders=orders, event_time=now)
            empty = events.BookSnapshot(symbol=symbol, last_sequence=10, part=1, parts=1, orders=[], event_time=now)
            self.send(topics.BOOK_SNAPSHOTS, symbol, [book, empty])
            status = events.MarketStatus(
                sequence=11, symbol=symbol, session="closed", trading_date="2026-01-05", event_time=now
            )
            self.send(topics.MARKET_STATUS, symbol, [auctioned(symbol, now), status])
            self.send(topics.CORPORATE_ACTIONS, symbol, split_and_dividend(symbol, now))
            self.send(topics.ORDER_EVENTS, symbol, of_every_kind(symbol, now))
            gathering = events.Price(
                symbol=symbol, last_sequence=12, indicative_price=1_000_050, indicative_quantity=7, volume=0,
                event_time=now,
            )  # fmt: skip
            self.send(topics.PRICES, symbol, [gathering])
        update = events.PortfolioUpdate(
            sequence=1, trader_id=7, entry_id="endowment-7", cash_change=10**16 + 1, quantity_change=0,
            cash=10**16 + 1, position=0, event_time=now,
        )  # fmt: skip
        self.send(topics.PORTFOLIO_UPDATES, 7, [update])
        letter = events.DeadLetter(
            topic="orders", partition=0, offset=3, reason="malformed_message", detail="not JSON",
            payload=b"\xff\x00{", event_time=now,
        )  # fmt: skip
        self.send(topics.DEAD_LETTERS, "orders", [letter])
        self.producer.commit_transaction(60)

    def abort(self) -> None:
        """Trades that never happened."""
        sequence, trades, others = dict(self.sequence), len(self.trades), self.others.copy()
        self.producer.begin_transaction()
        self.send(topics.TRADES, "ACME", [self.trade("ACME", OPEN)])
        self.producer.flush(30)
        self.producer.abort_transaction(60)
        self.sequence, self.others = sequence, others
        del self.trades[trades:]

    def trade(self, symbol: str, event_time: int) -> events.Trade:
        """The next trade of a symbol, a tick up or down; of the last one mostly at the same price."""
        self.sequence[symbol] += 1
        steps = (-100, 0, 100) if symbol != SYMBOLS[-1] else (-100, *[0] * 30, 100)
        self.price[symbol] += self.random.choice(steps)
        number = self.sequence[symbol]
        auction = number % 5 == 1  # the first of each minute, among others
        names = ("buy_order_id", "sell_order_id") if auction else ("maker_order_id", "taker_order_id")
        trade = events.Trade(
            sequence=number, trade_id=f"{symbol}-{number}", symbol=symbol, price=self.price[symbol],
            quantity=self.random.randint(1, 300), buyer_id=1001, seller_id=1002,
            aggressor_side="none" if auction else "buy", event_time=event_time,
            **dict(zip(names, (10**13 + number, 10**13 + number + 1), strict=True)),
        )  # fmt: skip
        self.trades.append(trade)
        return trade

    def send(self, topic: topics.Topic, key: str | int, items: list[Any], event_time: int = 0) -> None:
        """One message; `others` counts the items of each topic."""
        time_ = items[-1].event_time if items else event_time
        self.producer.produce(topic.name, encode(topic, key, items, time_), key=str(key))
        self.others[topic.name] += len(items)


def price_after(trade: events.Trade) -> events.Price:
    return events.Price(
        symbol=trade.symbol, last_sequence=trade.sequence, last_price=trade.price, bid_price=trade.price - 100,
        bid_quantity=5, volume=trade.quantity, event_time=trade.event_time,
    )  # fmt: skip


def cancelled(trade: events.Trade) -> events.Cancelled:
    return events.Cancelled(
        sequence=trade.sequence, order_id=1, trader_id=1, symbol=trade.symbol, quantity=1, reason="requested",
        event_time=trade.event_time,
    )  # fmt: skip


def unknown(trade: events.Trade) -> events.Rejected:
    return events.Rejected(
        order_id=2, trader_id=1, symbol=trade.symbol, reason="unknown_order", event_time=trade.event_time
    )


def auctioned(symbol: str, now: int) -> events.MarketStatus:
    return events.MarketStatus(
        sequence=10, symbol=symbol, session="continuous", trading_date="2026-01-05", halt="paused", limit_state="upper",
        reference_price=1_000_000, lower_price=800_000, upper_price=1_200_000, band_reference_price=1_000_100,
        lower_band_price=950_100, upper_band_price=1_050_100, auction_price=1_000_101, auction_quantity=40,
        event_time=now,
    )  # fmt: skip


def split_and_dividend(symbol: str, now: int) -> list[Any]:
    terms: dict[str, Any] = {"action_id": "a", "symbol": symbol, "ex_date": "2026-01-06", "event_time": now}
    prices: dict[str, Any] = {"close_price": 1_000_001, "adjusted_price": 666_700}
    return [
        events.CorporateAction(
            sequence=30, kind="split", status="effective", numerator=3, denominator=2, **terms, **prices
        ),
        events.CorporateAction(
            sequence=31, kind="cash_dividend", status="refused", reason="duplicate_action", amount=12_345, **terms
        ),
    ]  # fmt: skip


EXPIRES = OPEN + 1_000_001


def of_every_kind(symbol: str, now: int) -> list[Any]:
    """One order event of each kind, with every field."""
    common: dict[str, Any] = {"trader_id": 1, "symbol": symbol, "event_time": now}
    order: dict[str, Any] = {"order_id": 5, **common}
    return [
        events.Accepted(
            sequence=20, side="buy", order_type="stop_limit", time_in_force="gtd", price=1_000_001, stop_price=999_999,
            display_quantity=3, quantity=9, expire_time=EXPIRES, post_only=True, self_trade_prevention="cancel_both",
            **order,
        ),
        events.Replaced(sequence=21, price=1_000_002, quantity=8, reason="price_band", **order),
        events.Triggered(sequence=22, **order),
        events.Expired(sequence=23, quantity=8, **order),
        events.MassCancelled(sequence=24, orders=2, **common),
        events.Rejected(sequence=25, reason="invalid_event_time", **common),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def market(fresh_stack: Callable[..., StackSettings]) -> Market:
    """A day that was traded while Flink's task manager was killed in the middle of it."""
    settings = fresh_stack("flink-jobs", checkpoint_seconds="3")
    market = Market(settings)
    market.minutes(0, MINUTES // 3)
    wait_for(lambda: rows(settings, "trades"), "the first rows")
    market.abort()
    market.minutes(MINUTES // 3, MINUTES // 2)
    kill(settings, "TaskManagerRunner")
    market.minutes(MINUTES // 2, MINUTES, jump=JUMP_AT)
    market.close(MINUTES + 5)
    wait_for(lambda: caught_up(market), "all rows")
    wait_for(lambda: rows(settings, "bars_1m") >= MINUTES * len(SYMBOLS), "all bars")
    wait_for(lambda: price_moves(settings), "the alert")
    return market


def test_every_trade_is_in_the_lake_once(market: Market) -> None:
    found = [
        (row["trade_id"], row["symbol"], row["price"], row["quantity"], micros(row["event_time"]))
        for row in read(market.settings, "trades")
    ]
    sent = [(t.trade_id, t.symbol, to_decimal(t.price), t.quantity, t.event_time) for t in market.trades]
    assert sorted(found) == sorted(sent)


def test_every_other_topic_is_in_the_lake_once(market: Market) -> None:
    for topic, sent in market.others.items():
        name = topic.replace("-", "_")
        if name != "trades":
            assert rows(market.settings, name) == sent, name


def test_a_message_is_known_by_its_partition_and_offset(market: Market) -> None:
    prices = read(market.settings, "prices")  # one item a message
    assert len({(row["kafka_partition"], row["kafka_offset"]) for row in prices}) == len(prices)


def test_money_bytes_and_nested_orders_keep_their_values(market: Market) -> None:
    assert read(market.settings, "portfolio_updates")[0]["cash"] == Decimal("1000000000000.0001")
    assert read(market.settings, "dead_letters")[0]["payload"] == b"\xff\x00{"
    books = read(market.settings, "book_snapshots")
    resting = {"order_id": 1, "trader_id": 2, "side": "buy", "price_units": 999_900, "quantity": 5}
    hidden = {"order_id": 3, "trader_id": 4, "side": "sell", "price_units": 999_950, "quantity": 9}
    shown = [{**resting, "shown_quantity": None}, {**hidden, "shown_quantity": 2}]
    assert {row["last_sequence"]: row["orders"] for row in books} == {9: shown, 10: []}
    rejected = [row for row in read(market.settings, "order_events") if row["event"] == "rejected"]
    assert {row["sequence"] for row in rejected} == {None, 25}


def test_every_field_of_the_contracts_is_in_the_lake_and_what_is_absent_is_null(market: Market) -> None:
    now = OPEN + (MINUTES + 5) * MINUTE
    sent = [*of_every_kind("ACME", now), auctioned("ACME", now), *split_and_dividend("ACME", now)]
    tables = {events.MarketStatus: "market_status", events.CorporateAction: "corporate_actions"}
    found = {
        (table, row["sequence"]): row
        for table in ("order_events", *tables.values())
        for row in read(market.settings, table)
        if (row["symbol"], micros(row["event_time"])) == ("ACME", now)
    }
    assert len(found) == len(sent) + 1  # the close
    for event in sent:
        table = tables.get(type(event), "order_events")
        row = found[table, event.sequence]
        said = {name: getattr(event, name) for name in event.__struct_fields__}
        for name, value in row.items():
            if name == "event":
                assert value == event.__struct_config__.tag
            elif not name.startswith("kafka_"):
                assert contract_value(value) == (said.get(name) or None), (event, name)
    gathering = [row for row in read(market.settings, "prices") if row["indicative_price"] is not None]
    assert {(row["indicative_price"], row["indicative_quantity"]) for row in gathering} == {(Decimal("100.0050"), 7)}
    trades = read(market.settings, "trades")
    assert {trade.trade_id: [getattr(trade, name) for name in ORDER_NAMES] for trade in market.trades} == {
        row["trade_id"]: [row[name] for name in ORDER_NAMES] for row in trades
    }


ORDER_NAMES = ("maker_order_id", "taker_order_id", "buy_order_id", "sell_order_id", "aggressor_side")


def contract_value(value: Any) -> Any:
    """A column's value in the contract's units."""
    if isinstance(value, Decimal):
        return int(value.scaleb(4))
    return micros(value) if isinstance(value, datetime) else value


def test_bars_are_what_python_makes_of_the_trades(market: Market) -> None:
    found = {(row["symbol"], micros(row["event_time"])): row for row in read(market.settings, "bars_1m")}
    expected = {(bar["symbol"], bar["event_time"]): bar for bar in bars(market.trades)}
    assert found.keys() == expected.keys()
    assert ("ACME", OPEN + (MINUTES - 1) * MINUTE) in found, "the day's last bar"
    for key, bar in expected.items():
        for name, value in bar.items():
            if name in ("log_return", "volatility") and value is not None:
                assert found[key][name] == pytest.approx(value, rel=1e-9, abs=1e-11), (key, name)
            elif name != "event_time":
                assert found[key][name] == value, (key, name)


def test_the_planted_jump_raises_one_alert(market: Market) -> None:
    (expected,) = alerts(bars(market.trades))
    (row,) = price_moves(market.settings)
    assert (row["symbol"], row["alert_id"]) == ("ACME", f"price_move-ACME-{expected['last_sequence']}")
    assert row["score"] == pytest.approx(expected["score"], rel=1e-6)
    assert row["price"] == expected["close"]
    (alert,) = consume_alerts(market.settings)
    assert alert.price is not None
    assert (alert.alert_id, to_decimal(alert.price), alert.score) == (row["alert_id"], row["price"], row["score"])
    assert (micros(row["begin"]), micros(row["end"])) == (alert.begin, alert.end)
    assert row["trader_ids"] == row["order_ids"] == []


def test_progress_tells_how_far_the_lake_is(market: Market) -> None:
    progress = ingested(market.settings, ["trades"])["trades"]
    assert progress.sequences == market.sequence
    assert set(progress.offsets) == {0, 1}
    # Of a partition only the markers of the last transactions are left, one of each job that writes to it.
    wait_for(lambda: max(max(p.values()) for p in lag(market.settings).values()) <= 2, "no lag")
    states = {state.table: state for state in table_states(market.settings)}
    assert states["market.trades"].rows == len(market.trades)


def test_compaction_beside_a_writing_stream_keeps_every_row(market: Market) -> None:
    market.minutes(MINUTES + 10, MINUTES + 14)
    report = compact(market.settings, "market.trades", keep=timedelta(0))
    assert report.files_rewritten > report.files_added > 0
    assert "days in pieces: 1" in report.need
    market.minutes(MINUTES + 14, MINUTES + 16)
    wait_for(lambda: caught_up(market), "rows after compaction")
    test_every_trade_is_in_the_lake_once(market)


def test_a_table_that_needs_nothing_is_left_alone_and_says_so(market: Market) -> None:
    def no_spark() -> Any:
        raise AssertionError("nothing to do needs no Spark")

    first = compact(market.settings, "market.book_snapshots")
    # In how many files a stream left them is a matter of when it committed.
    assert ("days in pieces: 1" in first.need, "statistics" in first.need) == (first.files_before > 1, True)
    assert (first.files_after, first.rows, first.statistics_made) == (1, 2 * len(SYMBOLS), True)
    with opened(market.settings) as lake:
        (made,) = lake.load_table("market.book_snapshots").metadata.statistics
    assert {blob.properties["ndv"] for blob in made.blob_metadata} == {str(len(SYMBOLS)), "2"}
    again = compact(market.settings, "market.book_snapshots", spark=no_spark)
    assert (again.need, again.files_after, again.snapshots_after) == ("nothing", 1, first.snapshots_after)


def test_a_second_maintenance_of_a_table_ends_with_one_clear_message(market: Market) -> None:
    with alone(market.settings, "market.trades"):
        result = CliRunner().invoke(app, ["compact", "trades"])
    assert result.exit_code == 1
    assert result.stderr.startswith("market.trades is being maintained already")
    assert result.stderr.count("\n") == 1


def test_an_optional_field_is_added_beside_a_writing_stream(market: Market) -> None:
    """The running jobs go on, old rows and new ones read NULL; a job that starts anew later goes on too (below)."""
    jobs = running_jobs(market.settings)
    wanted = schema(Sold, KAFKA_COLUMNS)
    market.minutes(MINUTES + 16, MINUTES + 17)
    with opened(market.settings) as lake:
        assert evolve(lake.load_table("market.trades"), wanted) == ["venue"]
    market.minutes(MINUTES + 17, MINUTES + 18)
    wait_for(lambda: caught_up(market), "rows after the new column")
    assert {row["venue"] for row in read(market.settings, "trades")} == {None}
    test_every_trade_is_in_the_lake_once(market)
    assert running_jobs(market.settings) == jobs


class Sold(events.Trade, tag="trade", kw_only=True):
    """A trade, as a later contract may have it."""

    venue: str | None = None


def test_a_killed_job_manager_comes_back_with_its_jobs(market: Market) -> None:
    kill(market.settings, "StandaloneSessionClusterEntrypoint")
    market.minutes(MINUTES + 18, MINUTES + 20)
    market.close(MINUTES + 25)
    wait_for(lambda: caught_up(market), "rows after the job manager's death")
    wait_for(lambda: rows(market.settings, "bars_1m") >= (MINUTES + 10) * len(SYMBOLS), "the new bars")
    test_every_trade_is_in_the_lake_once(market)
    test_bars_are_what_python_makes_of_the_trades(market)
    test_the_planted_jump_raises_one_alert(market)


def bars(trades: list[events.Trade]) -> list[dict[str, Any]]:
    """One-minute bars in plain Python: whole numbers until the end, half up by hand."""
    minutes: dict[tuple[str, int], list[events.Trade]] = defaultdict(list)
    for trade in sorted(trades, key=lambda t: (t.symbol, t.sequence)):
        minutes[trade.symbol, trade.event_time // MINUTE].append(trade)
    closes: dict[str, list[int]] = defaultdict(list)
    returns: dict[str, list[float | None]] = defaultdict(list)
    made = []
    for (symbol, minute), of_minute in sorted(minutes.items()):
        prices = [trade.price for trade in of_minute]
        turnover, volume = sum(t.price * t.quantity for t in of_minute), sum(t.quantity for t in of_minute)
        returns[symbol].append(math.log(prices[-1] / closes[symbol][-1]) if closes[symbol] else None)
        closes[symbol].append(prices[-1])
        recent = closes[symbol][-20:]
        known = [value for value in returns[symbol][-20:] if value is not None]
        made.append({
            "symbol": symbol, "event_time": minute * MINUTE, "open": to_decimal(prices[0]),
            "high": to_decimal(max(prices)), "low": to_decimal(min(prices)), "close": to_decimal(prices[-1]),
            "volume": volume, "trades": len(of_minute), "turnover": to_decimal(turnover),
            "vwap": to_decimal((2 * turnover + volume) // (2 * volume)),
            "first_sequence": of_minute[0].sequence, "last_sequence": of_minute[-1].sequence,
            "moving_average": to_decimal((2 * sum(recent) + len(recent)) // (2 * len(recent))),
            "log_return": returns[symbol][-1],
            "volatility": statistics.stdev(known) if len(known) > 1 else None,
        })  # fmt: skip
    return made


def alerts(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The bars whose return is at least 6 robust deviations from the median of the 60 before (20 at least)."""
    returns: dict[str, list[float]] = defaultdict(list)
    found = []
    for bar in made:
        if bar["log_return"] is None:
            continue
        past = returns[bar["symbol"]][-60:]
        returns[bar["symbol"]].append(bar["log_return"])
        if len(past) >= 20:
            median = statistics.median(past)
            deviation = statistics.median(abs(value - median) for value in past)
            score = (bar["log_return"] - median) / max(1.4826 * deviation, 0.0005)
            if abs(score) >= 6:
                found.append({**bar, "score": score})
    return found


def read(settings: StackSettings, table: str) -> list[dict[str, Any]]:
    with opened(settings) as lake:
        found: list[dict[str, Any]] = lake.load_table(f"market.{table}").scan().to_arrow().to_pylist()
        return found


def price_moves(settings: StackSettings) -> list[dict[str, Any]]:
    """The alerts of the analytics job; the surveillance job has its own test."""
    return [row for row in read(settings, "alerts") if row["rule"] == "price_move"]


def rows(settings: StackSettings, table: str) -> int:
    return next(state.rows for state in table_states(settings) if state.table == f"market.{table}")


def caught_up(market: Market) -> bool:
    counts = {state.table: state.rows for state in table_states(market.settings)}
    return all(counts[f"market.{topic.replace('-', '_')}"] >= sent for topic, sent in market.others.items())


def kill(settings: StackSettings, main_class: str) -> None:
    (process,) = [p for p in of_stack(settings) if any(main_class in part for part in p.cmdline())]
    process.kill()


def consume_alerts(settings: StackSettings) -> list[events.Alert]:
    consumer = Consumer(consumer_config(settings, "test-alerts"))
    consumer.subscribe([topics.ALERTS.name])
    found: list[events.Alert] = []
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and (not found or time.monotonic() < deadline - 10):
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            found += [alert for alert in decode(topics.ALERTS, message.value()) if alert.rule == "price_move"]
    consumer.close()
    return found


def micros(when: Any) -> int:
    return int(when.timestamp()) * 1_000_000 + when.microsecond


def wait_for(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {WAIT} s for {what}")
        time.sleep(1)
