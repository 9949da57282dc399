"""The ladder against the engine's own book, over whole days with every kind of order."""

from __future__ import annotations

import pytest

from lakehouse.reconstruction.book import Book
from lakehouse.reconstruction.orders import Level
from streaming.contracts.events import BookSnapshot, RestingOrder
from streaming.matching.book import BookSide
from streaming.matching.market import SymbolMarket
from tests.matching_streams import Day


def ladder(side: BookSide) -> list[Level]:
    return [Level(level.price, level.shown, len(orders_of(level))) for level in side.in_order()]


def orders_of(level: object) -> list[object]:
    found, order = [], level.first  # type: ignore[attr-defined]
    while order is not None:
        found.append(order)
        order = order.newer
    return found


def resting(parts: list[BookSnapshot]) -> list[RestingOrder]:
    return [order for part in parts for order in part.orders]


@pytest.mark.parametrize("seed", range(3))
def test_the_ladder_is_the_engines_after_every_command(seed: int) -> None:
    market, book = SymbolMarket("ACME"), Book()
    hidden = 0
    for number, command in enumerate(Day("ACME", seed).commands(3_000, days=2)):
        for event in market.apply(command):
            book.apply(event)
        assert book.doubt is None
        assert book.settled
        assert book.levels(True) == ladder(market.book.bids), f"after command {number}: {command}"
        assert book.levels(False) == ladder(market.book.asks), f"after command {number}: {command}"
        hidden += any(order.shown < order.left for order in market.book)
    assert hidden > 300
    assert book.load(resting(market.snapshot()))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("start", [300, 1_500])
def test_from_a_snapshot_on_the_ladder_is_exact_or_says_that_it_may_not_be(seed: int, start: int) -> None:
    market, book = SymbolMarket("ACME"), Book(whole=False)
    commands = Day("ACME", seed).commands(3_000, days=2)
    for command in commands[:start]:
        market.apply(command)
    book.load(resting(market.snapshot()))
    book.resume(market.session, halted=market.session == "continuous" and not market.matching)
    exact = doubts = 0
    for command in commands[start:]:
        for event in market.apply(command):
            book.apply(event)
        if book.doubt is not None:
            doubts += 1
            book.load(resting(market.snapshot()))
            assert book.doubt is None
        assert book.levels(True) == ladder(market.book.bids)
        assert book.levels(False) == ladder(market.book.asks)
        exact += 1
    assert exact > 20 * doubts
