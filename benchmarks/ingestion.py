"""How fast Flink drains a backlog of order events from Kafka into Iceberg, beside the same job into a blackhole.

    export TICKHOUSE_HOME=/tmp/ingestion TICKHOUSE_PORT_OFFSET=9000
    tickhouse up topics tables flink
    python benchmarks/ingestion.py --events 5000000 --rounds 3
    tickhouse down

Both jobs are the platform's own statement (`streaming/flink/sql/raw/order_events.sql`) and its settings, checkpoints
among them; they end at the end of the backlog. A round is one of each, the blackhole first. The time is that from
running to finished, as Flink tells it: the start of the sources and the last commit are in it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx
from confluent_kafka import Producer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lakehouse.progress import table_states
from streaming.contracts.codec import encode
from streaming.contracts.events import Accepted
from streaming.contracts.kafka import producer_config
from streaming.contracts.reference import instruments
from streaming.contracts.settings import Settings, settings
from streaming.contracts.topics import ORDER_EVENTS
from streaming.flink.pipelines import SQL
from streaming.flink.submit import start

OPEN = 1_767_623_400_000_000
BATCH = 20
"""Events of a message: what the engine answers to a message of ten to twenty commands."""
STATEMENT = SQL / "raw" / "order_events.sql"
TABLE = "market.order_events"
SINKS = {
    "blackhole": (
        "CREATE TEMPORARY TABLE nowhere WITH ('connector' = 'blackhole') LIKE lake.market.order_events (EXCLUDING ALL);"
    ),
    "iceberg": "",
}


def publish(target: Settings, count: int) -> int:
    """A backlog of so many accepted orders of all symbols over a trading day; how many it became."""
    producer = Producer(producer_config(target, transactional_id="benchmark", queue_buffering_max_messages=1_000_000))
    producer.init_transactions(60)
    symbols = [instrument.symbol for instrument in instruments()]
    rounds = count // BATCH // len(symbols)
    producer.begin_transaction()
    for number in track(range(rounds), "Publishing"):
        now = OPEN + number * 390 * 60_000_000 // rounds
        for place, symbol in enumerate(symbols):
            first = number * BATCH
            events = [
                Accepted(
                    sequence=first + item, order_id=10**9 * place + first + item, trader_id=1001 + item, symbol=symbol,
                    side="buy" if item % 2 else "sell", order_type="limit", time_in_force="day",
                    price=1_000_000 + 100 * ((first + item) % 97), quantity=100 * (1 + item), event_time=now + item,
                )
                for item in range(1, BATCH + 1)
            ]  # fmt: skip
            producer.produce(ORDER_EVENTS.name, encode(ORDER_EVENTS, symbol, events, now), key=symbol)
        producer.poll(0)
        if number % 5000 == 4999:
            producer.commit_transaction(120)
            producer.begin_transaction()
    producer.commit_transaction(120)
    return rounds * BATCH * len(symbols)


def job(sink: str, folder: Path) -> Path:
    """The platform's statement with an end, into the sink; the folder of its SQL."""
    text = STATEMENT.read_text(encoding="utf-8")
    bounded = text.replace("'scan.startup.mode' =", "'scan.bounded.mode' = 'latest-offset',\n    'scan.startup.mode' =")
    assert bounded != text
    if sink != "iceberg":
        assert f"INSERT INTO lake.{TABLE} " in bounded
        bounded = bounded.replace(f"INSERT INTO lake.{TABLE} ", "INSERT INTO nowhere ")
    own = folder / sink
    own.mkdir(exist_ok=True)
    (own / "1_order_events.sql").write_text(f"{SINKS[sink]}\n{bounded}", encoding="utf-8")
    return own


def drain(target: Settings, sink: str, folder: Path) -> float:
    """Seconds from running to finished."""
    name = f"benchmark-{sink}"
    configuration = {
        "pipeline.name": name,
        "execution.checkpointing.dir": f"{target.checkpoints_uri}/benchmark",
        "execution.checkpointing.interval": f"{target.checkpoint_seconds} s",
    }
    started = start(target, [{"folder": str(job(sink, folder)), "configuration": configuration}])
    while True:
        told = httpx.get(f"{target.flink}/jobs/{started[name]}", timeout=30).raise_for_status().json()
        if told["state"] == "FINISHED":
            return float(told["timestamps"]["FINISHED"] - told["timestamps"]["RUNNING"]) / 1000
        assert told["state"] in ("CREATED", "INITIALIZING", "RUNNING"), told["state"]
        time.sleep(0.5)


def stored(target: Settings) -> int:
    """Rows of the table."""
    return next(state.rows for state in table_states(target) if state.table == TABLE)


def main() -> None:
    """Publish, drain in turns, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    target = settings()
    if stored(target):
        raise SystemExit(f"{TABLE} must be empty: choose another TICKHOUSE_HOME")
    count = publish(target, wanted.events)
    rates: dict[str, list[float]] = {sink: [] for sink in SINKS}
    with tempfile.TemporaryDirectory() as folder:
        for done in track(range(wanted.rounds), "Draining"):
            for sink in SINKS:
                rates[sink].append(count / drain(target, sink, Path(folder)))
            assert stored(target) == count * (done + 1), "every event is in the table once a round"
    table = Table(title=f"{count:,} order events, {BATCH} a message, a checkpoint every {target.checkpoint_seconds} s")
    for heading in ("sink", "rows a second, median", "each round", "to blackhole"):
        table.add_column(heading, justify="left" if heading == "sink" else "right")
    ratios = [iceberg / nowhere for iceberg, nowhere in zip(rates["iceberg"], rates["blackhole"], strict=True)]
    for sink, each in rates.items():
        ratio = f"{median(ratios):.2f}" if sink == "iceberg" else "1"
        table.add_row(sink, f"{median(each):,.0f}", " ".join(f"{rate:,.0f}" for rate in each), ratio)
    Console().print(table)


if __name__ == "__main__":
    main()
