"""Settlement: each trade and corporate action becomes postings in PostgreSQL, exactly once.

A batch of messages is one transaction: trades, postings, balances, portfolio updates for the relay, dead letters, and
the offsets to go on from. Killed anywhere, the next process finds either all of it or nothing. Where PostgreSQL goes
away, what is in memory is thrown away and loaded again, and Kafka is read again from the ledger's offsets.
"""

from __future__ import annotations

import time
from threading import Event

import structlog
from confluent_kafka import Message

from streaming.contracts.events import DeadLetter
from streaming.contracts.settings import Settings
from streaming.contracts.topics import TRADES
from streaming.settlement.books import Settleable
from streaming.settlement.feed import GROUP, Feed
from streaming.settlement.intake import Unusable, read_trades
from streaming.settlement.ledger import Ledger
from streaming.settlement.running import keep_going

log = structlog.get_logger("settlement")

BATCH_MESSAGES = 2_000
BATCH_TRADES = 2_000
"""A transaction takes no further message once it has this many trades."""
IDLE_WAIT = 0.5
REPORT_EVERY = 10.0
"""Seconds between two lines of progress in the log."""


def run(settings: Settings, stop: Event) -> None:
    """Settle until `stop` is set.

    LostMessagesError where Kafka lacks the next trades. Servers that are away are waited for.
    """
    keep_going(_session, settings, stop)


def _session(settings: Settings, stop: Event) -> None:
    """One connection's work, to the end or to the first failure."""
    with Ledger.open(settings, stopped=stop.is_set) as ledger, Feed(settings, TRADES.name, log) as feed:
        books, last_letter = ledger.load()
        feed.go_to(ledger.offsets(GROUP, TRADES.name))
        log.info("ready", entries=books.last_entry)
        settled, since = 0, time.monotonic()
        waiting: list[Message] = []
        while not stop.is_set():
            waiting = waiting or feed.read(BATCH_MESSAGES, IDLE_WAIT)
            if waiting:
                batch, waiting = take_batch(waiting)
                letters = [(last_letter + count, item, letter) for count, (item, letter) in enumerate(batch.letters, 1)]
                journal = books.settle(batch.items, ledger.settled)
                ledger.write(journal, GROUP, TRADES.name, batch.offsets, letters)
                last_letter += len(letters)
                settled += len(journal.trades)
                for breach in journal.breaches:
                    log.error("breach", **breach._asdict())
            passed = time.monotonic() - since
            if settled and passed >= REPORT_EVERY:
                log.info("settled", trades=settled, per_second=round(settled / passed), behind_messages=feed.lag())
                settled, since = 0, time.monotonic()
        log.info("stopped", entries=books.last_entry)


class Batch:
    """What one transaction settles. `letters` are (item, dead letter)."""

    def __init__(self) -> None:
        self.items: list[Settleable] = []
        self.letters: list[tuple[int, DeadLetter]] = []
        self.offsets: dict[int, int] = {}

    def add(self, message: Message) -> None:
        """Take in a message, and the offset after it."""
        items, unusable = read_trades(message.key(), message.value())
        self.items += items
        self.letters += [(item.item, _letter(message, item)) for item in unusable]
        self.offsets[message.partition()] = message.offset() + 1


def take_batch(messages: list[Message]) -> tuple[Batch, list[Message]]:
    """As many messages as one transaction takes, at least one, and the rest."""
    batch = Batch()
    for count, message in enumerate(messages, 1):
        batch.add(message)
        if len(batch.items) >= BATCH_TRADES:
            return batch, messages[count:]
    return batch, []


def _letter(message: Message, unusable: Unusable) -> DeadLetter:
    return DeadLetter(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        reason=unusable.reason,
        detail=unusable.detail.replace("\0", "\\0"),
        payload=unusable.payload,
        # Kafka's time of the message: a second attempt gives the same letter.
        event_time=max(0, message.timestamp()[1]) * 1_000,
    )
