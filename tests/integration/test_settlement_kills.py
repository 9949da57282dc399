"""Settlement and its relay on real PostgreSQL and Kafka, killed at random moments: nothing is lost, nothing doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from streaming.contracts.codec import decode, encode, encode_actions
from streaming.contracts.events import CorporateAction, DeadLetter, PortfolioUpdate, Trade
from streaming.contracts.kafka import consumer_config, producer_config
from streaming.contracts.provision import create_topics
from streaming.contracts.reference import instruments, traders
from streaming.contracts.settings import Settings
from streaming.contracts.topics import DEAD_LETTERS, PORTFOLIO_UPDATES, TRADES, Topic
from streaming.settlement.books import Books, Journal
from streaming.settlement.ledger import Ledger
from streaming.settlement.migrate import endow, migrate, missing_endowments
from streaming.settlement.relay import GROUP as RELAY_GROUP

TRADES_IN_ALL = 5_000
KILLS = 5
START = 1_767_364_200_000_000
BAD = b'{"symbol":"ACME","event_time":0,"items":[{"event":"trade","price":"dear"}]}'


def synthetic(count: int, seed: int = 3) -> list[Trade]:
    chance = random.Random(seed)
    people = [trader.trader_id for trader in traders()][:40]
    last = dict.fromkeys((instrument.symbol for instrument in instruments()), 0)
    made = []
    for number in range(count):
        symbol = chance.choice(list(last))
        last[symbol] += 2 * chance.randint(1, 2)
        buyer, seller = chance.sample(people, 2)
        auction = chance.random() < 0.3
        names = ("buy_order_id", "sell_order_id") if auction else ("maker_order_id", "taker_order_id")
        made.append(
            Trade(
                sequence=last[symbol],
                trade_id=f"{symbol}-{last[symbol]}",
                symbol=symbol,
                price=1_000_000 + 100 * chance.randint(0, 50),
                quantity=chance.randint(1, 2),
                **dict(zip(names, (2 * number + 1, 2 * number + 2), strict=True)),
                buyer_id=buyer,
                seller_id=seller,
                aggressor_side="none" if auction else chance.choice(["buy", "sell"]),
                event_time=START + number * 100_000,
            )
        )
    return made


def actions(made: list[Trade]) -> dict[int, CorporateAction]:
    """What follows some of the trades: splits and dividends, two for one in turn with a dividend of 12 cents."""
    found = {}
    for place in range(99, len(made), 500):
        split, trade = place % 1_000 == 99, made[place]
        found[place] = CorporateAction(
            sequence=trade.sequence + 1,
            action_id=f"a{place}",
            symbol=trade.symbol,
            kind="split" if split else "cash_dividend",
            ex_date="2026-01-05",
            status="effective",
            numerator=2 if split else None,
            denominator=1 if split else None,
            amount=None if split else 1_200,
            close_price=trade.price,
            adjusted_price=trade.price // 2,
            event_time=trade.event_time,
        )
    return found


class Services:
    """The two services as processes of their own."""

    MODULES = ("streaming.settlement", "streaming.settlement.relay")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, module: str) -> None:
        with (self.folder / f"{module}.log").open("ab") as log:
            self.running[module] = subprocess.Popen([sys.executable, "-m", module], stdout=log, stderr=log)

    def kill(self, module: str) -> None:
        process = self.running.pop(module)
        assert process.poll() is None, self.log(module)
        process.kill()
        process.wait()

    def stop(self, module: str) -> int:
        process = self.running.pop(module)
        process.send_signal(signal.SIGTERM)
        return process.wait(30)

    def log(self, module: str) -> str:
        return (self.folder / f"{module}.log").read_text()


@pytest.fixture(scope="module")
def exchange(fresh_stack: Callable[..., Settings]) -> Settings:
    settings = fresh_stack("postgres", "kafka")
    create_topics(settings)
    migrate(settings)
    return settings


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = Services(tmp_path)
    yield made
    for process in made.running.values():
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def ledger(exchange: Settings) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(exchange.postgres(), autocommit=True) as connection:
        yield connection


def items(settings: Settings, topic: Topic) -> list[Any]:
    """Everything committed on a topic."""
    consumer = Consumer(consumer_config(settings, "test", enable_partition_eof=True))
    places = [
        TopicPartition(topic.name, partition, 0)
        for partition in consumer.list_topics(topic.name, 10).topics[topic.name].partitions
    ]
    consumer.assign(places)
    found, ended = [], set()
    while len(ended) < len(places):
        for message in consumer.consume(500, 0.1):
            if message.error():
                ended.add(message.partition())
            else:
                found += decode(topic, message.value())
    consumer.close()
    return found


def publish(settings: Settings, made: list[Trade]) -> None:
    """Some messages hold several trades; each chunk is preceded by a transaction that is aborted."""
    producer = Producer(producer_config(settings, transactional_id="test-engine"))
    producer.init_transactions(30)
    chunk, follow = 250, actions(made)
    for start in range(0, len(made), chunk):
        for commit in (False, True):
            producer.begin_transaction()
            for place, trade in enumerate(made[start : start + chunk], start):
                value = encode(TRADES, trade.symbol, [trade], trade.event_time)
                producer.produce(TRADES.name, value, trade.symbol)
                if place in follow:
                    value = encode_actions(trade.symbol, [follow[place]], trade.event_time)
                    producer.produce(TRADES.name, value, trade.symbol)
            if commit:
                producer.produce(TRADES.name, BAD, "ACME")
                producer.commit_transaction(30)
            else:
                producer.flush(30)
                producer.abort_transaction(30)
        time.sleep(0.25)


def eventually(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"waited {seconds} s for {what}"
        time.sleep(0.2)


def one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()  # type: ignore[call-overload]
    assert row
    return row[0]


def all_relayed(ledger: psycopg.Connection[Any]) -> bool:
    return bool(
        one(ledger, "select max(id) from ledger.outbox")
        == one(ledger, "select coalesce(max(last_id), 0) from ledger.relayed where topic = 'portfolio-updates'")
    )


def outbox(ledger: psycopg.Connection[Any]) -> list[PortfolioUpdate]:
    names = PortfolioUpdate.__struct_fields__
    rows = ledger.execute(
        "select sequence, trader_id, entry_id, trade_id, symbol, cash_change, quantity_change, cash, position, "
        "(extract(epoch from event_time) * 1000000)::bigint from ledger.outbox order by trader_id, sequence"
    )
    return [PortfolioUpdate(**dict(zip(names, row, strict=True))) for row in rows]


def by_trader(updates: list[PortfolioUpdate]) -> list[PortfolioUpdate]:
    """Stable: within a trader, the order of the topic."""
    return sorted(updates, key=lambda update: update.trader_id)


def test_killed_at_random_moments_the_books_are_exact(
    exchange: Settings, ledger: psycopg.Connection[Any], services: Services
) -> None:
    made = synthetic(TRADES_IN_ALL)
    chance = random.Random()
    for module in services.MODULES:
        services.start(module)
    publisher = subprocess.Popen(
        [sys.executable, "-c", PUBLISH.format(path=str(Path(__file__)), name=__name__)], stderr=subprocess.PIPE
    )
    for _ in range(KILLS):
        time.sleep(chance.uniform(1.0, 4.0))
        module = chance.choice(services.MODULES)
        services.kill(module)
        services.start(module)
    for module in services.MODULES:  # each at least once
        services.kill(module)
        services.start(module)
    _, errors = publisher.communicate(timeout=60)
    assert publisher.returncode == 0, errors.decode()

    eventually(lambda: one(ledger, "select count(*) from ledger.trades") == TRADES_IN_ALL, "every trade")
    eventually(lambda: all_relayed(ledger), "the relay")

    names = Trade.__struct_fields__
    rows = ledger.execute(
        f"select {', '.join(names[:-1])}, (extract(epoch from event_time) * 1000000)::bigint from ledger.trades"  # type: ignore[arg-type]
    )
    kept = {row[1]: Trade(**dict(zip(names, row, strict=True))) for row in rows}
    assert kept == {trade.trade_id: trade for trade in made}
    assert Ledger(ledger).settled([trade.trade_id for trade in made[:99]]) == {t.trade_id: t for t in made[:99]}
    expected = books_of(made)
    kept_actions = Ledger(ledger).load()[0].actions
    assert kept_actions == {(action.symbol, action.sequence): action for action in actions(made).values()}
    given = sum(entry.entry_id.startswith(("split-", "dividend-")) for entry in expected.entries)
    assert given > 1_000
    assert one(ledger, "select count(*) from ledger.postings") == len(expected.postings)
    assert one(ledger, "select sum(balance) from ledger.balances") == 0
    assert one(ledger, "select count(*) from ledger.breaches") == 0
    published = items(exchange, PORTFOLIO_UPDATES)
    assert by_trader(published) == outbox(ledger)
    assert len(published) == ENDOWMENTS + 2 * TRADES_IN_ALL + given
    held = dict(
        ledger.execute("select asset, sum(balance)::bigint from ledger.trader_balances group by asset").fetchall()
    )
    accounts = {account.account_id: account for account in expected.accounts}
    assert held == {
        asset: sum(
            account.balance for account in accounts.values() if account.asset == asset and account.owner != "issuer"
        )
        for asset in held
    }
    eventually(lambda: len(items(exchange, DEAD_LETTERS)) >= TRADES_IN_ALL // 250, "the dead letters")
    letters: list[DeadLetter] = items(exchange, DEAD_LETTERS)
    assert len(letters) == len({(letter.partition, letter.offset) for letter in letters}) == TRADES_IN_ALL // 250
    assert {(letter.topic, letter.reason) for letter in letters} == {("trades", "malformed_item")}
    assert all(msgspec.json.decode(letter.payload)["price"] == "dear" for letter in letters)

    for module in services.MODULES:
        assert services.stop(module) == 0, services.log(module)


def books_of(made: list[Trade]) -> Journal:
    """Everything that the ledger holds, worked out at once: symbols may come in any order, their sums are the same."""
    books, follow = (
        Books((item.symbol for item in instruments()), (trader.trader_id for trader in traders())),
        actions(made),
    )
    journal = endow(books, missing_endowments(set()))
    items = [item for place, trade in enumerate(made) for item in (trade, follow.get(place)) if item is not None]
    later = books.settle(items, lambda _: {})
    for name in vars(journal):
        getattr(journal, name).extend(getattr(later, name))
    return journal


ENDOWMENTS = len(traders()) * (1 + len(instruments()))

PUBLISH = """
import importlib.util
spec = importlib.util.spec_from_file_location("test_settlement_kills", {path!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from streaming.contracts.settings import settings
module.publish(settings(), module.synthetic(module.TRADES_IN_ALL))
"""


def test_a_relay_whose_place_kafka_forgot_publishes_nothing_twice(
    exchange: Settings, ledger: psycopg.Connection[Any], services: Services
) -> None:
    before = len(items(exchange, PORTFOLIO_UPDATES))
    admin = AdminClient({"bootstrap.servers": exchange.kafka})
    places = ConsumerGroupTopicPartitions(RELAY_GROUP, [TopicPartition(PORTFOLIO_UPDATES.name, 0)])
    assert admin.list_consumer_group_offsets([places])[RELAY_GROUP].result(10).topic_partitions[0].offset > 0
    admin.delete_consumer_groups([RELAY_GROUP])[RELAY_GROUP].result(10)
    ledger.execute("update ledger.relayed set last_id = last_id - 1")
    services.start("streaming.settlement.relay")
    eventually(lambda: "ready" in services.log("streaming.settlement.relay"), "the relay", 30)
    time.sleep(1)
    assert services.stop("streaming.settlement.relay") == 0
    assert "found again" in services.log("streaming.settlement.relay")
    assert len(items(exchange, PORTFOLIO_UPDATES)) == before


def test_a_lost_connection_to_postgresql_is_made_again(
    exchange: Settings, ledger: psycopg.Connection[Any], services: Services
) -> None:
    services.start("streaming.settlement")
    eventually(lambda: "ready" in services.log("streaming.settlement"), "settlement", 30)
    terminated = one(
        ledger,
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'tickhouse settlement'",
    )
    assert terminated == 1
    trade = msgspec.structs.replace(synthetic(1)[0], symbol="LYNX", sequence=10**6, trade_id="LYNX-1000000")
    producer = Producer(producer_config(exchange))
    producer.produce(TRADES.name, encode(TRADES, "LYNX", [trade], trade.event_time), "LYNX")
    producer.flush(10)
    eventually(lambda: one(ledger, "select count(*) from ledger.trades") == TRADES_IN_ALL + 1, "the trade")
    assert services.stop("streaming.settlement") == 0
    assert "trying again" in services.log("streaming.settlement")


def test_a_second_settlement_waits_for_the_first(ledger: psycopg.Connection[Any], services: Services) -> None:
    services.start("streaming.settlement")
    eventually(lambda: "ready" in services.log("streaming.settlement"), "settlement", 30)
    first = services.running["streaming.settlement"]
    services.start("streaming.settlement")
    eventually(lambda: "another process writes the ledger" in services.log("streaming.settlement"), "the second", 30)
    assert services.stop("streaming.settlement") == 0
    first.terminate()
    assert first.wait(30) == 0


@pytest.mark.parametrize("offset", [10**9])
def test_an_offset_that_kafka_does_not_hold_stops_settlement(
    ledger: psycopg.Connection[Any], services: Services, offset: int
) -> None:
    ledger.execute("update ledger.consumer_offsets set next_offset = next_offset + %s", (offset,))
    services.start("streaming.settlement")
    process = services.running["streaming.settlement"]
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    ledger.execute("update ledger.consumer_offsets set next_offset = next_offset - %s", (offset,))
    assert process.poll() == 1
    assert "the books would miss trades" in services.log("streaming.settlement")


def test_migrating_again_changes_nothing(exchange: Settings, ledger: psycopg.Connection[Any]) -> None:
    before = one(ledger, "select count(*) from ledger.outbox")
    migrate(exchange)
    assert one(ledger, "select count(*) from ledger.outbox") == before


def test_the_reader_may_read_and_nothing_else(exchange: Settings) -> None:
    with psycopg.connect(exchange.postgres("tickhouse", "reader")) as connection:
        assert one(connection, "select count(*) from ledger.trader_balances") == ENDOWMENTS
        auctioned = "select count(*) from ledger.trade_history where buy_order_id is not null"
        assert one(connection, auctioned) == sum(trade.aggressor_side == "none" for trade in synthetic(TRADES_IN_ALL))
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("delete from ledger.trades")
        connection.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("set transaction read write; delete from ledger.trades")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(exchange.postgres("superset", "reader"))
    psycopg.connect(exchange.postgres("lake", "reader")).close()


def test_the_ledger_refuses_a_trade_that_names_the_wrong_orders(ledger: psycopg.Connection[Any]) -> None:
    columns = "trade_id, symbol, sequence, price, quantity, buyer_id, seller_id, event_time, aggressor_side"
    for more, values in (("buy_order_id, sell_order_id", "'buy', 1, 2"), ("maker_order_id", "'none', 1")):
        with pytest.raises(psycopg.errors.CheckViolation, match="trades_orders_check"):
            ledger.execute(
                f"insert into ledger.trades ({columns}, {more}) values ('AA-1', 'AA', 1, 1, 1, 1, 2, now(), {values})"  # type: ignore[arg-type]
            )


def test_the_ledger_refuses_what_does_not_balance(ledger: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        ledger.execute("insert into ledger.postings values (1, 9, 1, 5)")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        ledger.execute("insert into ledger.postings values (1000000000, 1, 1, 5), (1000000000, 2, 1, -5)")
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        ledger.execute("delete from ledger.postings")
