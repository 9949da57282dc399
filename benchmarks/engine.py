"""How many commands a second the engine service holds on a real Kafka, and how soon a trade is seen.

`python benchmarks/engine.py` needs Kafka (`tickhouse up kafka`) and no engine running; give it a home of its own.
Everything is measured in one run with one configuration of the engine, on one kind of stream: 65 % limit orders, 25 %
cancels, 10 % market orders. What the engine is compared with is a pass-through: a Quix application, exactly-once like
the engine and with all its settings, that answers the same messages with the very messages that the engine answers
them with, recorded before, through Quix's own `apply` and `to_topic`. It decodes, matches and keeps nothing.
`--markdown docs/benchmarks.md` writes the table there.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import os
import pickle
import platform
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from quixstreams.models import Serializer
from rich.console import Console
from rich.table import Table

from streaming.contracts.codec import decode, encode
from streaming.contracts.commands import AnyCommand, CancelOrder, DefineInstrument, NewOrder, SetSession
from streaming.contracts.kafka import consumer_config, partition_of, producer_config
from streaming.contracts.provision import create_topics
from streaming.contracts.reference import instruments
from streaming.contracts.settings import Settings, settings
from streaming.contracts.topics import BOOK_SNAPSHOTS, MARKET_STATUS, ORDER_EVENTS, ORDERS, PRICES, TRADES
from streaming.matching import compiled
from streaming.matching.engine import GARBAGE_THRESHOLD, GROUP, application
from streaming.matching.host import Host, Pace
from streaming.matching.settings import EngineSettings

OUTPUTS = (ORDER_EVENTS, TRADES, PRICES, MARKET_STATUS, BOOK_SNAPSHOTS)
PER_MESSAGE = 200
"""Commands of one symbol in a message of a history run."""
PATIENCE = 600.0
"""Seconds that one measurement may take."""
WARM_SECONDS = 2.0
"""How long a steady load goes on before its latency counts."""
BEGIN, END = "<!-- benchmarks/engine.py writes from here -->", "<!-- to here -->"


@dataclass(frozen=True)
class Load:
    """Messages ready to send, in order, and how many commands they carry."""

    messages: list[tuple[str, bytes]]
    commands: int


@dataclass(frozen=True)
class Found:
    """What was measured: commands a second, and microseconds of processor time a command."""

    rate: float
    processor: float


Row = tuple[str, str, str, str, str]
HEAD: Row = ("what", "commands/s", "µs of processor a command", "× rate", "× processor")


def symbols(configuration: Settings) -> list[str]:
    """As many instruments on every partition, so that two engines have the same to do."""
    homes: dict[int, list[str]] = defaultdict(list)
    for instrument in instruments():
        homes[partition_of(instrument.symbol, configuration.kafka_partitions)].append(instrument.symbol)
    fewest = min(len(found) for found in homes.values())
    return [symbol for found in homes.values() for symbol in found[:fewest]]


def flow(symbol: str, count: int, start: int, seed: int = 1) -> Iterator[AnyCommand]:
    """Limit orders around 100 dollars of which about half trade at once, cancels of recent ones, market orders."""
    chance = random.Random(f"{symbol} {seed}")
    recent: list[int] = []
    for number in range(1, count + 1):
        now = start + number * 200
        kind = chance.random()
        if kind < 0.25 and recent:
            old = recent.pop(chance.randrange(max(0, len(recent) - 200), len(recent)))
            yield CancelOrder(order_id=old, trader_id=1 + old % 50, symbol=symbol, event_time=now)
            continue
        market = kind >= 0.9
        if not market:
            recent.append(start + number)
        yield NewOrder(
            order_id=start + number,
            trader_id=1 + (start + number) % 50,
            symbol=symbol,
            side="buy" if chance.random() < 0.5 else "sell",
            order_type="market" if market else "limit",
            time_in_force="day",
            price=None if market else 1_000_000 + 100 * round(chance.gauss(0, 20)),
            quantity=chance.randint(1, 100),
            event_time=now,
        )


def opening(names: Sequence[str], start: int) -> Iterator[tuple[str, bytes]]:
    """Open every symbol for trading at 100 dollars."""
    for symbol in names:
        commands: list[AnyCommand] = [
            DefineInstrument(
                symbol=symbol,
                tick_size=100,
                lot_size=1,
                max_quantity=10**6,
                collar_bps=1_000,
                luld_tier=1,
                event_time=start,
            ),
            SetSession(symbol=symbol, session="closed", trading_date="2026-01-02", event_time=start),
            SetSession(
                symbol=symbol,
                session="continuous",
                trading_date="2026-01-02",
                reference_price=1_000_000,
                event_time=start,
            ),
        ]
        yield symbol, encode(ORDERS, symbol, commands, start)


def load(names: Sequence[str], count: int, per_message: int) -> tuple[list[tuple[str, bytes]], Load]:
    """The opening messages, and orders for each symbol, the symbols taking turns."""
    start = int(time.time() * 1_000_000)  # later than any earlier stream on the same topics: order ids rise
    each = count // len(names)
    flows = {symbol: flow(symbol, each, start) for symbol in names}
    messages = []
    for first in range(0, each, per_message):
        for symbol, commands in flows.items():
            batch = [next(commands) for _ in range(min(per_message, each - first))]
            messages.append((symbol, encode(ORDERS, symbol, batch, batch[-1].event_time)))
    return list(opening(names, start)), Load(messages, each * len(names))


def publish(configuration: Settings, topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
    """Send messages as fast as Kafka takes them."""
    producer = Producer(producer_config(configuration, queue_buffering_max_messages=1_000_000))
    for symbol, value in messages:
        while True:
            with suppress(BufferError):
                producer.produce(topic, value, symbol)
                break
            producer.poll(0.1)
    producer.flush()


class Progress:
    """How far a consumer group has come on a topic, by its committed offsets."""

    def __init__(self, configuration: Settings, group: str, topic: str, processes: Sequence[psutil.Popen] = ()) -> None:
        self._processes = processes
        self._admin = AdminClient({"bootstrap.servers": configuration.kafka})
        self._group = group
        self._partitions = [TopicPartition(topic, number) for number in range(configuration.kafka_partitions)]

    def __call__(self) -> int:
        """Messages taken in so far."""
        request = [ConsumerGroupTopicPartitions(self._group, self._partitions)]
        (future,) = self._admin.list_consumer_group_offsets(request, require_stable=True).values()
        return sum(max(0, found.offset) for found in future.result(30).topic_partitions)

    def joined(self) -> int:
        """Members that have partitions of the topic."""
        (future,) = self._admin.describe_consumer_groups([self._group]).values()
        try:
            found = future.result(30)
        except KafkaException:  # a new broker is still looking for the group's coordinator
            return 0
        topic = self._partitions[0].topic
        if found.state.name != "STABLE":
            return 0
        return sum(any(p.topic == topic for p in m.assignment.topic_partitions) for m in found.members)

    def until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert time.monotonic() < deadline, f"{what}: not after {PATIENCE:.0f} s"
            assert all(found.poll() is None for found in self._processes), f"{what}: a process ended"
            time.sleep(0.05)


@contextmanager
def process(*command: str, **environment: str) -> Iterator[psutil.Popen]:
    """A process that is stopped in the end, and must then have nothing to complain of."""
    log = Path(tempfile.mkstemp(prefix="tickhouse-benchmark-", suffix=".log")[1])
    with log.open("wb") as output:
        found = psutil.Popen([sys.executable, *command], stderr=output, env=os.environ | environment)
    try:
        yield found
    finally:
        with suppress(psutil.NoSuchProcess):
            found.send_signal(signal.SIGTERM)
        code = found.wait(60)
        assert code == 0, log.read_text()[-3_000:]
        log.unlink()


def engine(instance: int = 0) -> Any:
    """An engine as it is run."""
    return process("-m", "streaming.matching.engine", TICKHOUSE_ENGINE_INSTANCE=str(instance))


def measure(
    configuration: Settings, group: str, topic: str, processes: Sequence[psutil.Popen], sent: Sequence[Any], load: Load
) -> Found:
    """Send a load, and measure from a twentieth of it to its end."""
    progress = Progress(configuration, group, topic, processes)
    progress.until(lambda: progress.joined() == len(processes), f"{group} joins")
    base = progress() + len(sent)
    publish(configuration, topic, sent)
    progress.until(lambda: progress() >= base, f"{group} reads")  # a member may be the ghost of an earlier process
    publish(configuration, topic, load.messages)
    total, warm = len(load.messages), len(load.messages) // 20
    progress.until(lambda: progress() >= base + warm, f"{group} begins")

    def state() -> tuple[float, float, int]:
        times = [found.cpu_times() for found in processes]
        return time.monotonic(), sum(one.user + one.system for one in times), progress() - base

    began, used, done = state()
    progress.until(lambda: progress() >= base + total, f"{group} ends")
    ended, used_then, done_then = state()
    commands = (done_then - done) * load.commands / total
    return Found(commands / (ended - began), (used_then - used) / commands * 1e6)


def answers(load: Load, sent: Sequence[tuple[str, bytes]], configuration: Settings) -> dict[str, list[Any]]:
    """What the engine answers to each message of a symbol: pairs of topic and value."""
    stores: dict[bytes, Any] = defaultdict(Store)
    host = Host(configuration.kafka_partitions, Pace(), lambda _partition, key: stores[key])
    found: dict[str, list[Any]] = defaultdict(list)
    for symbol, value in [*sent, *load.messages]:
        home = partition_of(symbol, configuration.kafka_partitions)
        told = host.process(symbol.encode(), value, home, 0, 0)
        found[symbol].append([(message.topic, message.value) for message in told])
    return dict(found)


class Store(dict[bytes, bytes]):
    """The state of one key, in memory."""

    get_bytes = dict.get
    set_bytes = dict.__setitem__


def pass_through(topic: str, recorded: str) -> None:
    """Answer every message of a topic with what was recorded, each answer to a topic of its own."""
    told = {key: iter(found) for key, found in pickle.loads(Path(recorded).read_bytes()).items()}
    gc.set_threshold(GARBAGE_THRESHOLD)  # as the engine: and what was recorded is not to be searched for garbage
    gc.freeze()
    shared, engine_settings = settings(), EngineSettings()
    app = application(shared, engine_settings, group=topic)
    source = app.topic(topic, value_deserializer="bytes", key_deserializer="bytes")
    sinks = {
        output.name: app.topic(f"{topic}-{output.name}", value_serializer=Recorded(), key_serializer="bytes")
        for output in OUTPUTS
    }
    app.dataframe(source).apply(lambda _value, key, *_: next(told[key.decode()]), expand=True, metadata=True).to_topic(
        lambda pair, *_: sinks[pair[0]]
    )
    app.run()


class Recorded(Serializer):  # type: ignore[misc]  # untyped
    """Sends the second of a pair."""

    def __call__(self, value: Any, ctx: Any) -> bytes:
        """The bytes that Kafka gets."""
        found: bytes = value[1]
        return found


def baseline(
    configuration: Settings, recorded: dict[str, list[Any]], sent: Sequence[Any], load: Load, count: int = 1
) -> Found:
    """So many processes of the pass-through, on topics of their own."""
    topic = f"benchmark-{time.time_ns()}"
    admin = AdminClient({"bootstrap.servers": configuration.kafka})
    names = [topic, *(f"{topic}-{output.name}" for output in OUTPUTS)]
    new = [NewTopic(name, configuration.kafka_partitions, config={"max.message.bytes": "5000000"}) for name in names]
    for created in admin.create_topics(new).values():
        created.result(30)
    with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
        file.write(pickle.dumps(recorded))
        file.flush()
        with ExitStack() as stack:
            command = (__file__, "--pass-through", topic, file.name)
            running = [
                stack.enter_context(process(*command, TICKHOUSE_ENGINE_INSTANCE=str(number))) for number in range(count)
            ]
            found = measure(configuration, topic, topic, running, sent, load)
    for deleted in admin.delete_topics(names).values():
        deleted.result(30)
    return found


def engines(configuration: Settings, count: int, sent: Sequence[Any], load: Load) -> Found:
    """So many engine processes."""
    with ExitStack() as stack:
        running = [stack.enter_context(engine(number)) for number in range(count)]
        return measure(configuration, GROUP, ORDERS.name, running, sent, load)


def latency(configuration: Settings, names: Sequence[str], rate: float, seconds: float) -> list[float]:
    """Milliseconds from sending an order to seeing its trade, committed, at a steady rate; sorted."""
    sent, load_ = load(names, int(rate * seconds), 1)
    at: dict[int, float] = {}
    with engine() as running:
        progress = Progress(configuration, GROUP, ORDERS.name, [running])
        progress.until(lambda: progress.joined() == 1, "the engine joins")
        consumer = Consumer(consumer_config(configuration, "benchmark"))
        ends = []
        for number in range(configuration.kafka_partitions):
            partition = TopicPartition(TRADES.name, number)
            partition.offset = consumer.get_watermark_offsets(partition, timeout=10)[1]
            ends.append(partition)
        consumer.assign(ends)
        base = progress() + len(sent)
        publish(configuration, ORDERS.name, sent)
        progress.until(lambda: progress() >= base, "the engine reads")
        ids = [_order_id(value) for _, value in load_.messages]
        producer = Producer(producer_config(configuration))
        began = time.monotonic()

        def send() -> None:
            for number, (symbol, value) in enumerate(load_.messages):
                ahead = began + number / rate - time.monotonic()
                if ahead > 0.001:
                    producer.poll(0)
                    time.sleep(ahead)
                at[ids[number]] = time.monotonic()
                producer.produce(ORDERS.name, value, symbol)
            producer.flush()

        sender = threading.Thread(target=send)
        sender.start()
        seen: list[float] = []
        quiet = 0.0
        while sender.is_alive() or quiet < 2:
            message = consumer.poll(0.5)
            if message is None:
                quiet += 0 if sender.is_alive() else 0.5
                continue
            now = time.monotonic()
            for trade in decode(TRADES, message.value()):
                taken = at.pop(trade.taker_order_id, None)  # the first trade of an order
                if taken is not None and taken - began > WARM_SECONDS:
                    seen.append((now - taken) * 1_000)
        sender.join()
        consumer.close()
    return sorted(seen)


def _order_id(value: bytes) -> int:
    (command,) = decode(ORDERS, value)
    return command.order_id if isinstance(command, NewOrder) else -command.order_id


def median(rounds: Sequence[Found]) -> Found:
    """The middle one, rate and processor time each."""
    return Found(statistics.median(one.rate for one in rounds), statistics.median(one.processor for one in rounds))


def row(what: str, rounds: Sequence[Found], against: Sequence[Found] = ()) -> Row:
    """A line of the table; what it is divided by was measured in the same rounds."""
    rates, processors = [one.rate for one in rounds], [one.processor for one in rounds]
    found = median(rounds)
    spread = f" ({min(rates):,.0f}–{max(rates):,.0f})" if len(rounds) > 1 else ""
    by_rate = by_processor = ""
    if against:
        by_rate = f"{statistics.median(one.rate / two.rate for one, two in zip(rounds, against, strict=True)):.2f}"
        ratios = (one / two.processor for one, two in zip(processors, against, strict=True))
        by_processor = f"{statistics.median(ratios):.2f}"
    return what, f"{found.rate:,.0f}{spread}", f"{found.processor:.1f}", by_rate, by_processor


def run(configuration: Settings, options: argparse.Namespace) -> tuple[list[Row], list[str]]:
    """Measure everything; the table and what is to be said of it."""
    names = symbols(configuration)
    sent, one = load(names, options.commands, 1)
    recorded = answers(one, sent, configuration)
    outputs = sum(len(told) for found in recorded.values() for told in found) / len(one.messages)
    single = {key: [told[:1] for told in found] for key, found in recorded.items()}
    plain = [say("pass-through, one output", baseline(configuration, single, sent, one))]
    passed, alone, two_passed, two = [], [], [], []
    for _ in range(options.rounds):
        passed.append(say("pass-through", baseline(configuration, recorded, sent, one)))
        alone.append(say("engine", engines(configuration, 1, *load(names, options.commands, 1))))
        if configuration.kafka_partitions > 1:
            two_passed.append(say("two pass-throughs", baseline(configuration, recorded, sent, one, 2)))
            two.append(say("two engines", engines(configuration, 2, *load(names, options.commands, 1))))
    bulk = [say("bulk", engines(configuration, 1, *load(names, options.bulk, PER_MESSAGE)))]
    rate = median(alone).rate / 2
    delays = latency(configuration, names, rate, options.seconds)
    rows = [
        row("Quix pass-through, the first output only", plain),
        row(f"Quix pass-through, {outputs:.2f} outputs a message", passed),
        row("engine, one command a message (× pass-through)", alone, passed),
        *([row("two pass-throughs (× one pass-through)", two_passed, passed)] if two else []),
        *([row("two engines (× one engine)", two, alone)] if two else []),
        row(f"engine, {PER_MESSAGE} commands a message", bulk),
    ]
    half, high = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
    interval, cores = EngineSettings().commit_interval, os.cpu_count()
    notes = [
        f"Measured on {dt.date.today()}, {cores} cores ({platform.machine()}), with broker, load and engine on "
        f"them; the market {'compiled' if compiled.active() else 'interpreted'}; {len(names)} symbols on "
        f"{configuration.kafka_partitions} partitions; a commit every {interval} s.",
        f"Order to visible trade (from `produce` to a `read_committed` consumer that has it) at {rate:,.0f} orders a "
        f"second, half the engine's rate, over {options.seconds:.0f} s and {len(delays):,} trades: median {half:.0f} "
        f"ms, p99 {high:.0f} ms, most {delays[-1]:.0f} ms.",
    ]
    return rows, notes


def say(what: str, found: Found) -> Found:
    """Tell how far it is."""
    print(f"{what}: {found.rate:,.0f} commands/s, {found.processor:.1f} µs of processor each", file=sys.stderr)
    return found


def write(path: Path, rows: Sequence[Row], notes: Sequence[str]) -> None:
    """Put the table between the file's two marks, or make a file of it that has them."""
    table = ["| " + " | ".join(line) + " |" for line in rows]
    text = "\n".join(
        [*(f"{note}\n" for note in notes), "| " + " | ".join(HEAD) + " |", "|---|--:|--:|--:|--:|", *table]
    )
    old = path.read_text() if path.exists() else f"{BEGIN}\n{END}\n"
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} has no lines {BEGIN!r} and {END!r}")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=150_000, help="one a message, in each round")
    parser.add_argument("--rounds", type=int, default=3, help="how often pass-through and engines take turns")
    parser.add_argument("--bulk", type=int, default=1_000_000, help=f"commands, {PER_MESSAGE} a message")
    parser.add_argument("--seconds", type=float, default=30, help="how long latency is measured")
    parser.add_argument("--markdown", type=Path, metavar="PATH", help="write the table between the marks of this file")
    parser.add_argument("--pass-through", nargs=2, metavar=("TOPIC", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pass_through:
        pass_through(*options.pass_through)
        return
    configuration = settings()
    create_topics(configuration)
    rows, notes = run(configuration, options)
    table = Table(*HEAD, title="The engine on Kafka, exactly once")
    for number in range(1, len(HEAD)):
        table.columns[number].justify = "right"
    for line in rows:
        table.add_row(*line)
    console = Console()
    console.print(table)
    for note in notes:
        console.print(f"- {note}")
    if options.markdown:
        write(options.markdown, rows, notes)


if __name__ == "__main__":
    main()
