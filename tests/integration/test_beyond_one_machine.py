"""The way off one machine: the warehouse on a server that speaks S3, and a second stack that starts no server itself.

The second stack's engine answers orders over the first one's Kafka; the first one's Flink writes what it says to S3;
Spark compacts it there, and Trino and PyIceberg read it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer
from trino.dbapi import connect

from lakehouse.maintenance import compact
from lakehouse.progress import opened, table_states
from stack.model import Server
from stack.services import services
from stack.settings import StackSettings
from stack.supervisor import status, up
from streaming.contracts.codec import encode
from streaming.contracts.commands import DefineInstrument, NewOrder, SetSession
from streaming.contracts.kafka import producer_config
from streaming.contracts.topics import ORDERS
from tests.integration.s3_server import BUCKET, client, s3_server

START = 1_767_364_200_000_000  # 2026-01-02 14:30 UTC
SYMBOLS = ("ACME", "BLUE")
WAIT = 240


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An S3 server; every process started from here on finds it."""
    with pytest.MonkeyPatch.context() as patch, s3_server(StackSettings(), tmp_path_factory.mktemp("s3")) as variables:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield variables


@pytest.fixture(scope="module")
def servers(s3: dict[str, str], fresh_stack: Callable[..., StackSettings]) -> StackSettings:
    """A stack whose lake is on S3: all servers, and no engine."""
    return fresh_stack("flink-jobs", "trino", warehouse=f"s3://{BUCKET}/warehouse", checkpoint_seconds="3")


@pytest.fixture(scope="module")
def second(servers: StackSettings, fresh_stack: Callable[..., StackSettings]) -> StackSettings:
    """A stack elsewhere that is told addresses and passwords alone, with the engine as its only process."""
    return fresh_stack(
        "engine",
        kafka_bootstrap=servers.kafka,
        postgres_url=servers.postgres().rpartition("/")[0],
        flink_url=servers.flink,
        trino_url=servers.trino,
        **servers.secrets().model_dump(),
    )


@pytest.fixture(scope="module")
def trades(second: StackSettings) -> int:
    """How many trades there are, once they are in the lake; they came in several commits."""
    producer = Producer(producer_config(second, transactional_id="test-orders"))
    producer.init_transactions(60)
    send(producer, opening)
    sent = 0
    for batch in range(3):
        send(producer, lambda symbol, first=100 * batch: crossing(symbol, first, 20))
        sent += 20 * len(SYMBOLS)
        wait_for(lambda expected=sent: rows(second, "market.trades") == expected, f"{sent} trades in the lake")
    return sent


def send(producer: Producer, commands: Callable[[str], list[Any]]) -> None:
    producer.begin_transaction()
    for symbol in SYMBOLS:
        items = commands(symbol)
        producer.produce(ORDERS.name, encode(ORDERS, symbol, items, items[-1].event_time), key=symbol)
    producer.commit_transaction(60)


def opening(symbol: str) -> list[Any]:
    return [
        DefineInstrument(
            symbol=symbol, tick_size=100, lot_size=1, max_quantity=10_000, collar_bps=1_000, event_time=START
        ),
        SetSession(
            symbol=symbol, session="continuous", trading_date="2026-01-02", reference_price=1_000_000, event_time=START
        ),
    ]


def crossing(symbol: str, first: int, count: int) -> list[Any]:
    """So many pairs of orders that trade with each other."""
    return [
        NewOrder(
            order_id=first + number, trader_id=1 + (side == "sell"), symbol=symbol, side=side, order_type="limit",
            price=1_000_000, quantity=10, event_time=START + (first + number) * 1_000,
        )
        for number in range(1, count + 1)
        for side in ("buy", "sell")
    ]  # fmt: skip


def test_the_second_stack_has_no_server_of_its_own(second: StackSettings, trades: int) -> None:
    ours = {node.name for node in services(second).values() if isinstance(node, Server)}
    assert not ours & {"kafka", "postgres", "trino", "flink-jobmanager", "flink-taskmanager"}
    assert running(second) == {"engine"}
    up(second, ["trino", "flink", "tables", "topics"])  # asks them, and starts none
    assert running(second) == {"engine"}


def test_the_tables_are_on_s3_and_nowhere_else(servers: StackSettings, s3: dict[str, str], trades: int) -> None:
    with opened(servers) as lake:
        table = lake.load_table("market.trades")
        files = table.inspect.files().to_pylist()
        assert len(files) >= 3
        assert all(file["file_path"].startswith(f"s3://{BUCKET}/warehouse/") for file in files)
        assert table.scan().to_arrow().num_rows == trades
    held = client(s3).get_file_info([file["file_path"].removeprefix("s3://") for file in files])
    assert [info.size for info in held] == [file["file_size_in_bytes"] for file in files]
    assert not (servers.home / "warehouse").exists()


def test_spark_compacts_there_and_trino_reads_the_same(servers: StackSettings, trades: int) -> None:
    before = by_trino(servers)
    report = compact(servers, "market.trades")
    assert (report.files_rewritten, report.files_added) == (report.files_before, 1)
    assert report.rows == trades
    assert by_trino(servers) == before == [[trades, 10 * trades, len(SYMBOLS)]]


def by_trino(settings: StackSettings) -> list[list[Any]]:
    host, port = settings.trino.removeprefix("http://").split(":")
    cursor = connect(host=host, port=int(port), user="analyst", catalog="lake").cursor()
    cursor.execute("SELECT count(*), sum(quantity), count(DISTINCT symbol) FROM market.trades")
    return cursor.fetchall()


def running(settings: StackSettings) -> set[str]:
    return {line.name for line in status(settings) if line.state == "running"} - {"supervisord"}


def rows(settings: StackSettings, table: str) -> int:
    return next(state.rows for state in table_states(settings) if state.table == table)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT} s for {what}"
        time.sleep(1)
