"""Whole days of every kind of command: the files alone give the market's book."""

from __future__ import annotations

import csv
import datetime as dt
import random
from pathlib import Path

import pytest

from lakehouse.exports.days import Day, bounds, make_day
from lakehouse.exports.lobster import write_lobster
from lakehouse.exports.mbo import write_mbo
from streaming.contracts.commands import Clock
from streaming.contracts.events import Accepted, Trade
from streaming.matching.exchange import SymbolMarket
from tests import matching_streams
from tests.unit.exports.rebuilding import (
    FIRST_DAY,
    Resting,
    lobster_books,
    lobster_row,
    mbo_books,
    run,
    shown,
)

SECOND_DAY = FIRST_DAY + dt.timedelta(days=1)
LEVELS = 4


def random_day(seed: int, *, until: int | None = None) -> tuple[Day, list[Resting], list[Resting]]:
    """The second of two days, and the market's book at its beginning and its end, or after `until` commands."""
    market = SymbolMarket("ACME")
    commands = matching_streams.Day("ACME", seed).commands(6_000, days=2)
    second = next(
        number
        for number, command in enumerate(commands)
        if command.event_time >= matching_streams.START + matching_streams.DAY
    )
    midnight, _ = bounds(SECOND_DAY)
    # What lasts until a time before midnight is gone by then.
    events = run(market, [*commands[:second], Clock(symbol="ACME", event_time=midnight - 1)])
    before = shown(market)
    events += run(market, commands[second : len(commands) if until is None else second + until])
    return make_day("ACME", SECOND_DAY, events), before, shown(market)


@pytest.mark.parametrize("seed", range(3))
def test_the_messages_alone_make_every_row_of_the_order_book(tmp_path: Path, seed: int) -> None:
    day, before, after = random_day(seed)
    messages, rows, count = write_lobster(day, LEVELS, tmp_path, force=False)
    books = list(csv.reader(rows.read_text().splitlines()))
    assert len(books) == count > 3_000
    assert len(before) > 20, "orders stand from the day before"
    for number, (book, row) in enumerate(zip(lobster_books(messages), books, strict=True), 1):
        assert lobster_row(book, LEVELS) == list(map(int, row)), f"row {number}"
    assert sorted(book.resting()) == sorted(after)


@pytest.mark.parametrize("seed", range(3))
def test_the_mbo_records_alone_make_the_book_places_included(tmp_path: Path, seed: int) -> None:
    day, before, after = random_day(seed)
    path, _ = write_mbo(day, tmp_path, force=False)
    books = [book.resting() for book in mbo_books(path)]
    assert books[0] == before, "the snapshot"
    assert books[-1] == after


@pytest.mark.parametrize("seed", range(12))
def test_a_day_that_goes_on_is_as_far_as_the_market(tmp_path: Path, seed: int) -> None:
    day, _, now = random_day(seed, until=random.Random(seed).randrange(200, 3_000))
    messages, _, _ = write_lobster(day, 1, tmp_path, force=False)
    path, _ = write_mbo(day, tmp_path, force=False)
    *_, book = lobster_books(messages)
    assert sorted(book.resting()) == sorted(now)
    *_, book = mbo_books(path)
    assert book.resting() == now


def test_the_book_is_right_after_every_command(tmp_path: Path) -> None:
    """Each prefix of a day is a day: its records end at the book after the prefix."""
    market = SymbolMarket("ACME")
    commands = matching_streams.Day("ACME", 5).commands(300)
    events = []
    for command in commands:
        events += market.apply(command)
        if events and len(events) > 3:
            path, _ = write_mbo(make_day("ACME", FIRST_DAY, events), tmp_path, force=True)
            *_, book = mbo_books(path)
            assert book.resting() == shown(market), command


def test_shares_traded_are_shares_executed(tmp_path: Path) -> None:
    """Of each trade: one T with its size; an F for each order that stood."""
    market = SymbolMarket("ACME")
    events = run(market, matching_streams.Day("ACME", 9).commands(3_000))
    path, _ = write_mbo(make_day("ACME", FIRST_DAY, events), tmp_path, force=False)
    records = list(csv.DictReader(path.read_text().splitlines()))
    trades = [event for event in events if isinstance(event, Trade)]
    assert {event.aggressor_side for event in trades} == {"buy", "sell", "none"}
    told = [(int(row["sequence"]), int(row["size"])) for row in records if row["action"] == "T"]
    assert told == [(event.sequence, event.quantity) for event in trades]
    numbers = {(event.trader_id, event.order_id): event.sequence for event in events if isinstance(event, Accepted)}
    fills = {(int(row["sequence"]), int(row["order_id"])) for row in records if row["action"] == "F"}
    for event in trades:
        if event.maker_order_id is not None:
            seller = event.aggressor_side == "buy"
            maker = (event.seller_id if seller else event.buyer_id, event.maker_order_id)
            assert (event.sequence, numbers[maker]) in fills
