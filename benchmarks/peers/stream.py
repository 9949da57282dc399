"""The stream of orders that every book is given, and the trades it makes of it.

Made once, before anything is timed, as plain tuples: nothing in it belongs to any of the books.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

ADD, CANCEL, MARKET = range(3)
ADDS, CANCELS = 0.65, 0.25
"""Shares of limit orders and cancels; the rest are market orders."""
MID = 10_000
"""Where the middle price begins and is drawn back to, in ticks."""
STEP, PULL = 1.0, 0.0005
"""How far the middle price moves at each event, in ticks, and how strongly it is drawn back."""
RECENT = 30
"""A cancel names one of about so many limit orders that came last."""
TRADERS = 50


class Event(NamedTuple):
    """One thing that happens to a book.

    Order ids are 1, 2, 3, …, one for each limit or market order. A cancel carries what its order carried, because some
    books ask for more than the id. Prices are in ticks; a market order has price 0.
    """

    kind: int
    order_id: int
    trader_id: int
    buy: bool
    price: int
    quantity: int


Fill = tuple[int, int]
"""Price and quantity of a trade."""


def flow(count: int, seed: int) -> Iterator[Event]:
    """Orders around a middle price that walks and is drawn back, so that the book neither empties nor grows for ever.

    Five limit orders in six are on the passive side of the middle price, most of them near it; the others reach up to
    five ticks through it. Market orders are for up to three times as many shares as limit orders. A cancel names one of
    the `RECENT` last limit orders that no cancel has named before, whether it still stands or not: whoever cancels
    cannot know what has traded meanwhile.
    """
    chance = random.Random(seed)
    middle = float(MID)
    recent: list[Event] = []
    order_id = 0
    for _ in range(count):
        middle += chance.gauss(0, STEP) + (MID - middle) * PULL
        kind = chance.random()
        if ADDS <= kind < ADDS + CANCELS and recent:
            place = chance.randrange(len(recent))
            recent[place], recent[-1] = recent[-1], recent[place]
            yield recent.pop()._replace(kind=CANCEL)
            continue
        order_id += 1
        trader_id = 1 + chance.randrange(TRADERS)
        buy = chance.random() < 0.5
        if kind >= ADDS + CANCELS:
            yield Event(MARKET, order_id, trader_id, buy, 0, chance.randint(1, 300))
            continue
        behind = -chance.randint(0, 5) if chance.random() < 1 / 6 else 1 + int(chance.expovariate(0.1))
        price = max(1, round(middle) + (-behind if buy else behind))
        event = Event(ADD, order_id, trader_id, buy, price, chance.randint(1, 100))
        if len(recent) == RECENT:
            recent[chance.randrange(RECENT)] = event
        else:
            recent.append(event)
        yield event


def resting(count: int) -> Iterator[Event]:
    """Limit orders that never trade: on a thousand prices of each side, the sides taking turns."""
    for number in range(count):
        buy = number % 2 == 0
        behind = 1 + number // 2 % 1_000
        yield Event(ADD, number + 1, 1 + number % TRADERS, buy, MID - behind if buy else MID + behind, 1 + number % 100)
