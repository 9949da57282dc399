"""Who turns to a symbol on a day, when, and with which draws: known from the seed before the day begins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simulators import population
from simulators.arrivals import MINUTE, Times, arrivals, u_shaped
from simulators.calendar import TradingDay
from simulators.fundamentals import MINUTES_A_DAY, stream
from simulators.roster import Roster
from simulators.scenario import FatFinger
from simulators.traders import Turn, pareto
from streaming.contracts.events import Side

GATHERING = 5
"""Minutes that orders gather before the open, and before the close."""
NOTICED = 3 * MINUTE
"""How long a mistake stays on the book before it is noticed."""


class Step(NamedTuple):
    """A part of a plan that was made beforehand: an order, or (quantity 0) taking off all of the trader's on a side.

    The price lies `ticks` from the best of the own side ("own"), or of the other ("other"), towards the other side;
    "wrong" is a price far beyond the other side. `patience` as in `Wish`.
    """

    time: int
    symbol: str
    trader_id: int
    side: Side
    quantity: int
    base: str = "own"
    ticks: int = 0
    patience: int = 0


def turns(seed: int, symbol: str, place: int, day: TradingDay, roster: Roster) -> list[Turn]:
    """The turns of ordinary traders and of the symbol's market makers, in order."""
    settings, scenario = roster.settings, roster.scenario
    random = stream(seed, f"turns {symbol}", day.date)
    mean = settings.market.turns_per_day * scenario.activity * day.minutes / MINUTES_A_DAY
    times = arrivals(random, settings.market, day.open, day.minutes, mean)
    early = day.open - random.integers(1, GATHERING * MINUTE, size=int(mean / 40) + 2)
    times = np.sort(np.concatenate([early, times]))
    found = _ordinary(random, times, symbol, day, roster)
    for maker, every in roster.makers_of(place):
        # One turn in each interval, at a time of its own.
        begins = np.arange(-1, day.minutes, every)
        minutes = day.open + begins * MINUTE + random.integers(1, MINUTE - 1, size=len(begins))
        found += _turns(random, minutes, symbol, [maker] * len(minutes), [1.0] * len(minutes))
    found.sort()
    return found


def _ordinary(random: np.random.Generator, times: Times, symbol: str, day: TradingDay, roster: Roster) -> list[Turn]:
    groups = roster.settings.ordinary()
    chosen = random.choice(len(groups), size=len(times), p=[group.turns for group in groups]).tolist()
    sides = (random.random(len(times)) < 0.5).tolist()
    who = random.random(len(times)).tolist()
    sizes = random.random(len(times)).tolist()
    both: tuple[Side, Side] = ("sell", "buy")
    rows = [[roster.on_side(group.name, side, day.date) for side in both] for group in groups]
    traders = []
    for group, side, draw in zip(chosen, sides, who, strict=True):
        members = rows[group][side] or rows[group][not side]
        traders.append(members[int(draw * len(members))])
    multiples = [pareto(draw, groups[group].tail) for group, draw in zip(chosen, sizes, strict=True)]
    return _turns(random, times, symbol, traders, multiples)


def _turns(
    random: np.random.Generator, times: Times, symbol: str, traders: list[int], sizes: list[float]
) -> list[Turn]:
    count = len(times)
    return [
        Turn(time, symbol, trader, normal, style, distance, size)
        for time, trader, normal, style, distance, size in zip(
            times.tolist(),
            traders,
            random.standard_normal(count).tolist(),
            random.random(count).tolist(),
            random.random(count).tolist(),
            sizes,
            strict=True,
        )
    ]


def parents(seed: int, symbol: str, day: TradingDay, roster: Roster, busy: Times) -> list[Step]:
    """The large orders that institutions work on a day, as the small orders that make them up, in order.

    A large order is cut into small ones over hours: F. Lillo, S. Mike, J. D. Farmer, Physical Review E 71, 2005 (the
    long memory of order signs comes of it); R. Kissell, "The Science of Algorithmic Trading", 2013 for the styles:
    evenly over time (twap), as the day's volume usually comes (vwap), or when others trade (participation; `busy` are
    the times at which they do).
    """
    random = stream(seed, f"parents {symbol}", day.date)
    found: list[Step] = []
    for group in roster.settings.group:
        if not isinstance(group, population.Institution):
            continue
        members = roster.members(group.name)
        for _ in range(int(random.poisson(group.parents_per_day * day.minutes / MINUTES_A_DAY))):
            trader = members[int(random.integers(len(members)))]
            side: Side = "buy" if random.random() < 0.5 else "sell"
            style = group.styles[int(random.integers(len(group.styles)))]
            quantity = group.quantity * pareto(float(random.random()), group.tail)
            count = min(max(3, round(quantity / group.child)), 400)
            long = min(int(random.integers(group.minutes[0], group.minutes[1] + 1)), day.minutes - GATHERING)
            begin = int(random.integers(0, day.minutes - GATHERING - long + 1))
            shares = random.random(count)
            if style == "vwap":
                shares = u_shaped(random.random(count * 4), roster.settings.market.u_shape)
                lowest, highest = begin / day.minutes, (begin + long) / day.minutes
                shares = (shares[(shares >= lowest) & (shares < highest)][:count] * day.minutes - begin) / long
            times = day.open + ((begin + shares * long) * MINUTE).astype(np.int64)
            if style == "participation":
                inside = busy[(busy >= day.open + begin * MINUTE) & (busy < day.open + (begin + long) * MINUTE)]
                times = inside[random.random(len(inside)) < count / max(len(inside), 1)] + 1
            aggressive = random.random(len(times)) < group.aggressive
            for time, takes in zip(np.sort(times).tolist(), aggressive.tolist(), strict=True):
                found.append(Step(time, symbol, trader, side, 0))
                found.append(Step(time, symbol, trader, side, group.child, "other" if takes else "own"))
    found.sort(key=lambda step: step.time)
    return found


def mistakes(place: int, symbol: str, day: TradingDay, roster: Roster) -> list[Step]:
    """The scenario's fat fingers: orders that are far too large at a wrong price, in the first symbols of the list."""
    found: list[Step] = []
    groups = [group for group in roster.settings.group if isinstance(group, population.Institution)]
    for number, finger in enumerate(roster.scenario.fat_finger):
        if place < finger.symbols and groups:
            found.append(_mistake(finger, roster.members(groups[0].name)[number], groups[0].quantity, symbol, day))
    return found


def _mistake(finger: FatFinger, trader: int, usual: int, symbol: str, day: TradingDay) -> Step:
    time = day.open + int(finger.at * day.minutes * MINUTE)
    return Step(time, symbol, trader, finger.side, int(usual * finger.times), "wrong", patience=NOTICED)
