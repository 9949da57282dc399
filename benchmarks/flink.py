"""How many rows a second Flink brings from Kafka into Iceberg, exactly once, all raw tables and the bars at once.

    export TICKHOUSE_HOME=/tmp/flink-benchmark TICKHOUSE_PORT_OFFSET=9000
    tickhouse up topics tables flink
    python benchmarks/flink.py 500000
    tickhouse down

A backlog is published first, so that Kafka's producer is not what is measured. The rate is that of the commits after
the first one, which paid for the start.
"""

from __future__ import annotations

import random
import sys
import time

import psutil
from confluent_kafka import Producer

from lakehouse.progress import opened, table_states
from stack.processes import of_stack
from streaming.contracts import topics
from streaming.contracts.codec import MINUTE, encode
from streaming.contracts.events import Accepted, Price, Trade
from streaming.contracts.kafka import producer_config
from streaming.contracts.reference import instruments
from streaming.contracts.settings import Settings, settings
from streaming.flink.submit import submit

OPEN = 1_767_623_400_000_000
BATCH = 5
"""Items of a message."""
TABLES = ("order_events", "trades", "prices")


def publish(target: Settings, count: int) -> dict[str, int]:
    """`count` trades over a trading day, an order event each and a price a message; how many rows each topic makes."""
    producer = Producer(producer_config(target, transactional_id="benchmark", queue_buffering_max_messages=1_000_000))
    producer.init_transactions(60)
    producer.begin_transaction()
    rng = random.Random(1)
    prices = {instrument.symbol: instrument.initial_price for instrument in instruments()}
    sequence = dict.fromkeys(prices, 0)
    rounds = count // BATCH // len(prices)
    for number in range(rounds):
        now = OPEN + number * 390 // rounds * MINUTE
        for symbol in prices:
            trades, accepted = [], []
            for _ in range(BATCH):
                prices[symbol] = max(100, prices[symbol] + rng.choice((-100, 0, 100)))
                sequence[symbol] += 2
                price, at = prices[symbol], sequence[symbol]
                accepted.append(
                    Accepted(
                        sequence=at - 1, order_id=10**13 + at, trader_id=1001, symbol=symbol, side="buy", quantity=9,
                        order_type="limit", time_in_force="day", price=price, event_time=now,
                    )
                )  # fmt: skip
                trades.append(
                    Trade(
                        sequence=at, trade_id=f"{symbol}-{at}", symbol=symbol, price=price, quantity=9, buyer_id=1001,
                        maker_order_id=at, taker_order_id=10**13 + at, seller_id=1002, aggressor_side="buy",
                        event_time=now,
                    )
                )  # fmt: skip
            quote = Price(symbol=symbol, last_sequence=at, last_price=price, volume=9 * at, event_time=now)
            for topic, items in (
                (topics.ORDER_EVENTS, accepted),
                (topics.TRADES, trades),
                (topics.PRICES, [quote]),
            ):
                producer.produce(topic.name, encode(topic, symbol, items, now), key=symbol)
            producer.poll(0)
    producer.commit_transaction(120)
    messages = rounds * len(prices)
    return {"order_events": messages * BATCH, "trades": messages * BATCH, "prices": messages}


def committed(target: Settings, table: str) -> list[tuple[float, int]]:
    """(seconds, rows so far) of every commit to a table."""
    with opened(target) as lake:
        snapshots = sorted(lake.load_table(f"market.{table}").snapshots(), key=lambda snapshot: snapshot.timestamp_ms)
    return [(s.timestamp_ms / 1000, int(s.summary["total-records"] or 0)) for s in snapshots if s.summary]


def memory(target: Settings, main_class: str) -> int:
    """Resident MiB of a Flink process."""
    found: list[psutil.Process] = [p for p in of_stack(target) if main_class in " ".join(p.cmdline())]
    return int(sum(process.memory_info().rss for process in found)) >> 20


def main() -> None:
    """Publish, submit, wait for the last commit, print."""
    target = settings()
    before = {state.table: state.rows for state in table_states(target)}
    if any(before.values()):
        sys.exit("the lake must be empty")
    started = time.monotonic()
    expected = publish(target, int(sys.argv[1]))
    print(f"published {sum(expected.values()):,} items in {time.monotonic() - started:.0f} s")
    started = time.monotonic()
    submit(target)
    print(f"submitted in {time.monotonic() - started:.0f} s")
    while True:
        rows = {state.table: state.rows for state in table_states(target)}
        if all(rows[f"market.{table}"] >= count for table, count in expected.items()):
            break
        time.sleep(1)
    assert all(rows[f"market.{table}"] == count for table, count in expected.items()), rows
    print(f"all {sum(expected.values()):,} rows committed {time.monotonic() - started:.0f} s after submission began")
    commits = {table: committed(target, table) for table in TABLES}
    first = min(time_ for steps in commits.values() for time_, _ in steps[:1])
    last = max(next(time_ for time_, rows in steps if rows == expected[table]) for table, steps in commits.items())
    counted = sum(expected.values()) - sum(
        max((rows for time_, rows in steps if time_ <= first + 0.5), default=0) for steps in commits.values()
    )
    print(f"{counted:,} rows in {last - first:.1f} s between commits: {counted / max(last - first, 1):,.0f} rows/s")
    for main_class in ("TaskManagerRunner", "StandaloneSessionClusterEntrypoint"):
        print(f"{main_class}: {memory(target, main_class)} MiB resident")


if __name__ == "__main__":
    main()
