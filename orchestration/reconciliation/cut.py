"""The cut: up to where everything is compared, so that it can be while trading goes on.

Kafka is read to its end; the last sequence of each symbol then seen is the cut. Kafka is read once more to what is its
end then: transactions become visible partition by partition, and whatever is at or below the cut is there by now.
PostgreSQL and Iceberg are waited for until they have passed that second end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.reconciliation.bars import BarsLack, closed_before
from orchestration.reconciliation.iceberg_rows import Lake
from orchestration.reconciliation.kafka_rows import ItemCounter, TopicReader
from orchestration.reconciliation.model import Progress
from orchestration.reconciliation.postgres_rows import LedgerReader
from orchestration.reconciliation.rows import largest
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

SEQUENCED = (ORDER_EVENTS, TRADES, MARKET_STATUS, CORPORATE_ACTIONS)
"""The topics that share a symbol's sequence."""
COMPARED = (*SEQUENCED, PORTFOLIO_UPDATES)
COUNTED = (PRICES, BOOK_SNAPSHOTS)
"""Of these only the rows are counted: their items have no number of their own, and are views of what is compared."""
SETTLE_SECONDS = 1.0
"""Between the two readings of Kafka: for the markers of transactions that are being committed."""


@dataclass
class Seen:
    """What the three stores hold, read so that whatever is at or below the cut must be in all of them."""

    cut: dict[str, int]
    kafka: dict[str, pa.Table]
    """By topic: its items or, of those that are only counted, how many each message has; `iceberg` likewise."""
    first: dict[str, dict[int, int]]
    """The first offset that Kafka still holds, by topic and partition."""
    last: dict[str, dict[int, int]]
    """The last offset compared, by topic and partition."""
    iceberg: dict[str, pa.Table]
    trades: pa.Table
    """The ledger's."""
    actions: pa.Table
    """The ledger's corporate actions."""
    updates: pa.Table
    """The ledger's outbox."""
    endowments: pa.Table
    balances: pa.Table
    bars: pa.Table
    """The closed bars, those of the minutes before `closed` (microseconds)."""
    closed: int
    unreadable: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    """Stores that did not pass the cut in time, in words."""

    def complete(self, topic: Topic) -> bool:
        """Whether Kafka still holds the topic's first message."""
        return not any(self.first[topic.name].values())


class Waiting:
    """Asks again and again until an answer is empty, or the time that all questions share is over."""

    def __init__(self, seconds: float, progress: Progress, pause: float = 1.0) -> None:
        self._until = time.monotonic() + seconds
        self._progress = progress
        self._pause = pause
        self.late: list[str] = []

    def until_empty(self, lacking: Callable[[], str]) -> None:
        """`lacking` says in words what is still to come; what it says last is kept in `late`."""
        while True:
            still = lacking()
            if not still:
                return
            if time.monotonic() >= self._until:
                self.late.append(still)
                return
            self._progress(f"waiting: {still}")
            time.sleep(self._pause)


def see(settings: Settings, ledger: LedgerReader, lake: Lake, progress: Progress, patience: float) -> Seen:
    """Take the cut, wait for the stores at most `patience` seconds in all, and read them."""
    readers = {topic.name: TopicReader(settings, topic) for topic in COMPARED}
    readers |= {topic.name: ItemCounter(settings, topic) for topic in COUNTED}
    waiting = Waiting(patience, progress)
    try:
        for topic in SEQUENCED:
            progress(f"reading Kafka's {topic.name}")
            readers[topic.name].read()
        cut = last_sequences([readers[topic.name].table() for topic in SEQUENCED])
        time.sleep(SETTLE_SECONDS)
        for topic in (*SEQUENCED, *COUNTED):
            readers[topic.name].read()

        waiting.until_empty(lambda: settlement_lacks(ledger, readers[TRADES.name].ends))
        progress("reading the ledger")
        trades, updates = ledger.rows(TRADES), ledger.rows(PORTFOLIO_UPDATES)
        actions = ledger.rows(CORPORATE_ACTIONS)
        endowments, balances = ledger.endowments(), ledger.balances()

        told = largest(updates, "trader_id", "sequence")
        waiting.until_empty(lambda: relay_lacks(readers[PORTFOLIO_UPDATES.name], told))
        for topic in (*COMPARED, *COUNTED):
            waiting.until_empty(LakeLacks(lake, topic, readers[topic.name].last))
        iceberg = {}
        for topic in COMPARED:
            progress(f"reading Iceberg's {topic.name}")
            iceberg[topic.name] = lake.rows(topic)
        for topic in COUNTED:
            iceberg[topic.name] = lake.counts(topic)
        closed = closed_before({**dict.fromkeys(readers[TRADES.name].first, 0), **readers[TRADES.name].times})
        bars = BarsLack(lake, iceberg[TRADES.name], closed)
        waiting.until_empty(bars)
        return Seen(
            cut=cut,
            kafka={name: reader.table() for name, reader in readers.items()},
            first={name: dict(reader.first) for name, reader in readers.items()},
            last={name: {**dict.fromkeys(reader.first, -1), **reader.last} for name, reader in readers.items()},
            iceberg=iceberg,
            trades=trades,
            actions=actions,
            updates=updates,
            endowments=endowments,
            balances=balances,
            bars=bars.bars,
            closed=closed,
            unreadable=[words for reader in readers.values() for words in reader.unreadable],
            late=waiting.late,
        )
    finally:
        for reader in readers.values():
            reader.__exit__(None, None, None)


def last_sequences(tables: list[pa.Table]) -> dict[str, int]:
    """The last sequence of each symbol in any of the tables."""
    both = pa.concat_tables([table.select(["symbol", "sequence"]) for table in tables])
    found: dict[str, int] = largest(both.filter(pc.is_valid(both["sequence"])), "symbol", "sequence")
    return dict(sorted(found.items()))


def settlement_lacks(ledger: LedgerReader, last: dict[int, int]) -> str:
    """What of `trades` settlement has not posted yet."""
    ledger.refresh()
    posted = ledger.next_offsets()
    behind = sum(max(0, offset + 1 - posted.get(partition, 0)) for partition, offset in last.items())
    return f"settlement is {behind} messages of trades behind" if behind else ""


def relay_lacks(reader: TopicReader, told: dict[int, int]) -> str:
    """What of the ledger's outbox is not on `portfolio-updates` yet."""
    reader.read()
    published = largest(reader.table(), "trader_id", "sequence")
    behind = sum(max(0, sequence - published.get(trader_id, 0)) for trader_id, sequence in told.items())
    if behind and not reader.complete:
        # Kafka let the first messages go: a trader who has been idle since then is not there at all.
        gone = sum(sequence for trader_id, sequence in told.items() if trader_id not in published)
        behind -= gone
    return f"the relay is {behind} portfolio updates behind" if behind else ""


class LakeLacks:
    """What of a topic is not in its table yet; the table is only read where it has a new snapshot."""

    def __init__(self, lake: Lake, topic: Topic, last: dict[int, int]) -> None:
        self._lake, self._topic, self._last = lake, topic, last
        self._snapshot: int | None = -1
        self._answer = ""

    def __call__(self) -> str:
        """In words; empty where nothing lacks."""
        if self._lake.snapshot_id(self._topic) != self._snapshot:
            self._snapshot, there = self._lake.places(self._topic)
            behind = sum(max(0, offset - there.get(partition, -1)) for partition, offset in self._last.items())
            self._answer = f"Iceberg's {self._topic.name} is {behind} messages behind" if behind else ""
        return self._answer
