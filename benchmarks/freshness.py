"""How old what an analyst sees is: order sent to visible in Trino, and trade to alert, with compaction running.

    export TICKHOUSE_HOME=/tmp/freshness TICKHOUSE_PORT_OFFSET=9000 TICKHOUSE_CHECKPOINT_SECONDS=2
    tickhouse up engine flink-jobs trino
    python benchmarks/freshness.py --rate 2000 --seconds 300
    tickhouse down

Pairs of orders that trade are sent by the wall clock, a message of 20 of one symbol at a time, symbol after symbol.
Trino is asked again and again which order of each symbol is the last that it sees: what is counted is the time from the
sending to the end of the first answer that has the order. In a further symbol two accounts trade with each other, back
and forth, again and again: the time is that from the last of those trades to the alert `wash_trading`, as a consumer
of committed messages hears it. A rule waits for the end of the minute, and two minutes for what is late.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from confluent_kafka import Consumer, Producer
from rich.console import Console
from rich.table import Table
from trino.dbapi import connect

from streaming.contracts.codec import decode, encode
from streaming.contracts.commands import AnyCommand, Clock, DefineInstrument, NewOrder, SetSession
from streaming.contracts.events import Side
from streaming.contracts.kafka import consumer_config, producer_config
from streaming.contracts.settings import Settings, settings
from streaming.contracts.topics import ALERTS, ORDERS

SYMBOLS = [f"B{number:02}" for number in range(18)]
WASHED = "WASH"
BATCH = 20
PRICE = 1_000_000
SEEN = """
SELECT symbol, max(order_id) FROM market.order_events
WHERE event_time > current_timestamp - INTERVAL '1' MINUTE AND symbol <> 'WASH' GROUP BY symbol
"""
TICKHOUSE = str(Path(sys.executable).with_name("tickhouse"))
PLANT_SECONDS = 20


def now() -> int:
    """Microseconds since 1970, the market's time here."""
    return time.time_ns() // 1000


class Sender:
    """Orders at a rate; when the last order of each message was sent, in seconds, by symbol."""

    def __init__(self, target: Settings) -> None:
        self._producer = Producer(producer_config(target))
        self._number = 0
        self.sent: dict[str, list[tuple[int, float]]] = {symbol: [] for symbol in SYMBOLS}

    def send(self, symbol: str, commands: list[AnyCommand]) -> None:
        """One message."""
        self._producer.produce(ORDERS.name, encode(ORDERS, symbol, commands, commands[-1].event_time), key=symbol)
        self._producer.poll(0)

    def open(self) -> None:
        """Have every symbol trade."""
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        for symbol in (*SYMBOLS, WASHED):
            self.send(
                symbol,
                [
                    DefineInstrument(
                        symbol=symbol, tick_size=100, lot_size=1, max_quantity=10_000, collar_bps=1_000,
                        event_time=now(),
                    ),
                    SetSession(
                        symbol=symbol, session="continuous", trading_date=day, reference_price=PRICE, event_time=now()
                    ),
                ],
            )  # fmt: skip
        self._producer.flush(30)

    def pairs(self, symbol: str, count: int, first: int, second: int, *, turn: bool = False) -> int:
        """`count` orders, two by two, of two accounts that trade with each other; the last order's id."""
        at = now()
        commands: list[AnyCommand] = []
        for place in range(count):
            self._number += 1
            sides: tuple[Side, Side] = ("buy", "sell") if not turn or place // 2 % 2 else ("sell", "buy")
            commands.append(
                NewOrder(
                    order_id=self._number, trader_id=(first, second)[place % 2], symbol=symbol, side=sides[place % 2],
                    order_type="limit", price=PRICE, quantity=10, event_time=at,
                )
            )  # fmt: skip
        self.send(symbol, commands)
        return self._number

    def run(self, rate: int, seconds: int) -> None:
        """`rate` orders a second; a wash trade now and then, and the clock told everywhere."""
        begun, planted, told, batches = time.monotonic(), 0, 0, 0
        while (passed := time.monotonic() - begun) < seconds:
            if passed >= planted * PLANT_SECONDS:
                self.pairs(WASHED, 8, 2 * planted + 501, 2 * planted + 502, turn=True)
                planted += 1
            if passed >= told:
                self.send(WASHED, [Clock(symbol=WASHED, event_time=now())])
                told += 1
            if batches * BATCH > passed * rate:
                time.sleep(0.002)
                continue
            symbol = SYMBOLS[batches % len(SYMBOLS)]
            batches += 1
            last = self.pairs(symbol, BATCH, 1, 2)
            self.sent[symbol].append((last, time.time()))
        self._producer.flush(60)

    def tell_time(self, until: Callable[[], bool]) -> None:
        """Let time pass after the last order, so that what waits for the watermark comes."""
        while not until():
            for symbol in (*SYMBOLS, WASHED):
                self.send(symbol, [Clock(symbol=symbol, event_time=now())])
            time.sleep(1)


class Watcher:
    """Asks Trino, and hears the alerts, until it is stopped."""

    def __init__(self, target: Settings) -> None:
        self.stopped = threading.Event()
        self.seen: list[tuple[float, dict[str, int]]] = []
        self.alerts: dict[tuple[int, ...], float] = {}
        self._target = target
        self._threads = [threading.Thread(target=work) for work in (self._ask, self._hear)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Wait for the last answers."""
        self.stopped.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        host, _, port = self._target.trino.removeprefix("http://").partition(":")
        cursor = connect(host=host, port=int(port), user="tickhouse", catalog="lake").cursor()
        while not self.stopped.is_set():
            found = dict(cursor.execute(SEEN).fetchall())
            self.seen.append((time.time(), found))
            time.sleep(0.1)

    def _hear(self) -> None:
        consumer = Consumer(consumer_config(self._target, "freshness"))
        consumer.subscribe([ALERTS.name])
        while not self.stopped.is_set():
            message = consumer.poll(0.2)
            if message is None or message.error():
                continue
            for alert in decode(ALERTS, message.value()):
                if alert.rule == "wash_trading":
                    self.alerts[tuple(alert.trader_ids)] = time.time() - alert.end / 1_000_000
        consumer.close()


@contextmanager
def compacting() -> Iterator[list[float]]:
    """Maintenance of the busy tables, again and again; how long each took."""
    took: list[float] = []
    stopped = threading.Event()

    def work() -> None:
        while not stopped.is_set():
            begun = time.monotonic()
            subprocess.run([TICKHOUSE, "compact", "order_events", "trades"], capture_output=True, check=True)
            took.append(time.monotonic() - begun)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield took
    finally:
        stopped.set()
        thread.join()


def delays(sender: Sender, watcher: Watcher) -> list[float]:
    """Seconds from the sending of each message to the first answer with its last order."""
    found = []
    for symbol, sent in sender.sent.items():
        answers = iter(watcher.seen)
        at, last = 0.0, 0
        for order_id, time_ in sent:
            while last < order_id:
                at, numbers = next(answers)
                last = max(last, numbers.get(symbol, 0))
            found.append(at - time_)
    return found


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return quantiles(values, n=20)[-1]


def main() -> None:
    """Send, watch, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=2_000, help="orders a second")
    parser.add_argument("--seconds", type=int, default=300)
    wanted = parser.parse_args()
    target = settings()
    sender = Sender(target)
    sender.open()
    watcher = Watcher(target)
    try:
        with compacting() as took:
            sender.run(wanted.rate, wanted.seconds)
        lasts = {symbol: sent[-1][0] for symbol, sent in sender.sent.items()}
        planted = -(-wanted.seconds // PLANT_SECONDS)
        deadline = time.monotonic() + 300

        def all_there() -> bool:
            assert time.monotonic() < deadline, f"{len(watcher.alerts)} of {planted} alerts"
            visible = watcher.seen[-1][1]
            return all(visible.get(symbol, 0) >= last for symbol, last in lasts.items()) and (
                len(watcher.alerts) >= planted
            )

        sender.tell_time(all_there)
    finally:
        watcher.stop()
    orders, alerts = delays(sender, watcher), list(watcher.alerts.values())
    count = sum(len(sent) for sent in sender.sent.values()) * BATCH
    table = Table(
        title=f"{count:,} orders at {count / wanted.seconds:,.0f} a second, a checkpoint every "
        f"{target.checkpoint_seconds} s, {len(took)} compactions beside them ({median(took):.0f} s each)"
    )
    for heading in ("from", "to", "n", "median s", "p95 s"):
        table.add_column(heading, justify="left" if heading in ("from", "to") else "right")
    table.add_row("order sent", "visible in Trino", f"{len(orders):,}", f"{median(orders):.2f}", f"{p95(orders):.2f}")
    table.add_row("last trade", "alert heard", str(len(alerts)), f"{median(alerts):.1f}", f"{p95(alerts):.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
