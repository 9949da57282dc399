"""How many commands a second the matching engine holds.

`python benchmarks/matching.py` measures the pure book against the obvious one of the property tests (one list of
orders, sorted anew for each question), and `tickhouse match` from file to file. With `--kafka` it also measures the
engine service on a Kafka that is up (`tickhouse up kafka`), with one command a message and with twenty: by the clock,
and by the processor time that the engine's process took.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition
from rich.console import Console
from rich.table import Table

from streaming.contracts.codec import decode, encode, encode_line
from streaming.contracts.commands import AnyCommand, CancelOrder, DefineInstrument, NewOrder, SetSession
from streaming.contracts.events import Accepted, Cancelled, Rejected
from streaming.contracts.kafka import consumer_config, producer_config
from streaming.contracts.provision import create_topics
from streaming.contracts.reference import instruments
from streaming.contracts.settings import Settings, settings
from streaming.contracts.topics import ORDER_EVENTS, ORDERS
from streaming.matching.exchange import SymbolMarket

ROOT = Path(__file__).resolve().parents[1]
START = int(time.time()) * 1_000_000
"""Later than any earlier run on the same topics, so that order ids rise."""


def flow(symbol: str, count: int, seed: int = 1) -> list[AnyCommand]:
    """Three orders in ten are cancels, one in ten of the others is a market order; prices walk around 100 dollars."""
    chance = random.Random(f"{symbol} {seed}")
    commands: list[AnyCommand] = []
    for number in range(1, count + 1):
        now = START + number * 200
        if chance.random() < 0.3:
            old = START + max(1, number - chance.randint(1, 500))
            commands.append(CancelOrder(order_id=old, trader_id=1 + old % 50, symbol=symbol, event_time=now))
            continue
        order_id = START + number
        market = chance.random() < 0.1
        commands.append(
            NewOrder(
                order_id=order_id,
                trader_id=1 + order_id % 50,
                symbol=symbol,
                side=chance.choice(("buy", "sell")),
                order_type="market" if market else "limit",
                price=None if market else 1_000_000 + 100 * round(chance.gauss(0, 20)),
                quantity=chance.randint(1, 100),
                event_time=now,
            )
        )
    return commands


def obvious_market() -> Callable[..., Any]:
    """The oracle's class, from the tests."""
    path = ROOT / "tests" / "property" / "test_matching_book.py"
    spec = importlib.util.spec_from_file_location("oracle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., Any] = module.ObviousMarket
    return found


def pure(make: Callable[..., Any], commands: list[AnyCommand]) -> float:
    """Commands a second of processor time, one symbol."""
    market = make("ACME", bare=True)
    start = time.process_time()
    for command in commands:
        market.apply(command)
    return len(commands) / (time.process_time() - start)


def from_file(commands: list[AnyCommand]) -> float:
    """Commands a second of `tickhouse match`, reading, writing and starting included."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "commands.jsonl"
        source.write_bytes(b"".join(map(encode_line, commands)))
        start = time.perf_counter()
        tickhouse = Path(sys.executable).with_name("tickhouse")
        subprocess.run([tickhouse, "match", source, "--events", os.devnull], check=True, stderr=subprocess.DEVNULL)
        return len(commands) / (time.perf_counter() - start)


def through_kafka(configuration: Settings, count: int, per_message: int) -> tuple[float, float]:
    """Commands a second between the engine's first and last answer: by Kafka's timestamps, and of processor time."""
    publish(configuration, count, per_message)
    engine = psutil.Popen([sys.executable, "-m", "streaming.matching.engine"], stderr=subprocess.DEVNULL)
    try:
        answered = answers(configuration, count)
        stamps = [next(answered)]
        before = engine.cpu_times()
        stamps.extend(answered)
        after = engine.cpu_times()
    finally:
        engine.send_signal(signal.SIGTERM)
        engine.wait(60)
    stamps.sort()
    used = after.user + after.system - before.user - before.system
    return len(stamps) / max(0.001, (stamps[-1] - stamps[0]) / 1_000), len(stamps) / used


def publish(configuration: Settings, count: int, per_message: int) -> None:
    """Open every symbol and send orders for each, the symbols taking turns."""
    producer = Producer(producer_config(configuration))
    symbols = [instrument.symbol for instrument in instruments()]
    for symbol in symbols:
        opening = [
            DefineInstrument(
                symbol=symbol, tick_size=100, lot_size=1, max_quantity=10**6, collar_bps=9_000, event_time=START
            ),
            SetSession(
                symbol=symbol,
                session="continuous",
                trading_date=f"2026-01-{per_message:02}",
                reference_price=1_000_000,
                event_time=START,
            ),
        ]
        producer.produce(ORDERS.name, key=symbol, value=encode(ORDERS, symbol, opening, START))
    flows = {symbol: flow(symbol, count // len(symbols), seed=per_message) for symbol in symbols}
    for start in range(0, count // len(symbols), per_message):
        for symbol, commands in flows.items():
            batch = commands[start : start + per_message]
            producer.produce(ORDERS.name, key=symbol, value=encode(ORDERS, symbol, batch, batch[-1].event_time))
        producer.poll(0)
    producer.flush()


def answers(configuration: Settings, count: int) -> Iterator[int]:
    """Kafka's time of the answer to each command: accepted, rejected, or cancelled on request."""
    consumer = Consumer(consumer_config(configuration, "benchmark"))
    ends = []
    for number in range(configuration.kafka_partitions):
        partition = TopicPartition(ORDER_EVENTS.name, number)
        partition.offset = consumer.get_watermark_offsets(partition, timeout=10)[1]
        ends.append(partition)
    consumer.assign(ends)
    deadline = time.monotonic() + 300
    left = count // len(instruments()) * len(instruments())
    while left > 0:
        assert time.monotonic() < deadline, f"{left} commands are unanswered after 300 s"
        message = consumer.poll(1)
        if message is None:
            continue
        for event in decode(ORDER_EVENTS, message.value()):
            answer = isinstance(event, Accepted | Rejected) or (
                isinstance(event, Cancelled) and event.reason == "requested"
            )
            if answer:
                left -= 1
                yield message.timestamp()[1]
    consumer.close()


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=200_000)
    parser.add_argument("--kafka", action="store_true", help="measure the engine service too")
    options = parser.parse_args()
    commands = flow("ACME", options.commands)
    few = commands[:5_000]
    table = Table("what", "commands", "commands/s", title="Matching engine")
    table.columns[1].justify = table.columns[2].justify = "right"

    def row(name: str, count: int, rate: float) -> None:
        table.add_row(name, f"{count:,}", f"{rate:,.0f}")

    baseline, book = pure(obvious_market(), few), pure(SymbolMarket, commands)
    row("obvious book (baseline, one sorted list)", len(few), baseline)
    row(f"pure book ({book / baseline:,.0f} × the baseline)", len(commands), book)
    row("tickhouse match, file to file", len(commands), from_file(commands))
    if options.kafka:
        create_topics(settings())
        for per_message in (1, 20):
            clock, processor = through_kafka(settings(), options.commands, per_message)
            row(f"engine on Kafka, exactly once, {per_message} a message", options.commands, clock)
            row("  the same, by its own processor time", options.commands, processor)
    Console().print(table)


if __name__ == "__main__":
    main()
