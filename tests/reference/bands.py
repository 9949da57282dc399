"""The arithmetic of the collar and of the price bands, in exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from streaming.contracts.commands import DefineInstrument
from tests.reference.order import SECOND

DOLLAR = 10_000


def collar(rules: DefineInstrument, reference: int) -> tuple[int, int]:
    """The day's reference price plus and minus its basis points, rounded inwards to ticks."""
    width = Fraction(reference * rules.collar_bps, 10_000)
    tick = rules.tick_size
    return ceil((reference - width) / tick) * tick, floor((reference + width) / tick) * tick


def band_bounds(rules: DefineInstrument, day_reference: int, band_reference: int, late: bool) -> tuple[int, int]:
    """The lower and the upper bound of the price band; `late` is the last 25 minutes."""
    cheap = day_reference <= 3 * DOLLAR
    most = None
    if rules.luld_bps is not None:
        bps = rules.luld_bps
    elif not cheap:
        bps = 500 if rules.luld_tier == 1 else 1_000
    elif day_reference * 100 >= 75 * DOLLAR:
        bps = 2_000
    else:
        bps, most = 7_500, 15 * DOLLAR // 100
    width = Fraction(band_reference * bps, 10_000)
    if most is not None:
        width = min(width, Fraction(most))
    if late and (rules.luld_tier == 1 or cheap):
        width *= 2
    tick, half = rules.tick_size, Fraction(1, 2)
    lower = floor((band_reference - width) / tick + half) * tick
    upper = floor((band_reference + width) / tick + half) * tick
    return max(lower, tick), upper


def mean_price(trades: list[tuple[int, int]], now: int) -> int | None:
    """The mean of the prices of the last five minutes, each trade (its second, its price) counting once."""
    prices = [price for second, price in trades if second > now // SECOND - 300]
    if not prices:
        return None
    return floor(Fraction(sum(prices), len(prices)) + Fraction(1, 2))
