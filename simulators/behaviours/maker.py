"""Market makers."""

from __future__ import annotations

from simulators import population
from simulators.traders import BPS, Quotes, Turn, View, on_tick, pareto

SIZE_TAIL = 1.7
LARGEST = 10.0
"""Quantities are of Pareto's law with this exponent, and at most so many times the usual."""


class MarketMaker:
    """Quotes both sides and leans against its inventory: M. Avellaneda, S. Stoikov, Quantitative Finance 8(3), 2008.

    The reservation price is what it takes for the value, less the inventory times its aversion to risk; the quotes lie
    half a spread from it, wider when the price moves more than usual (their sigma).
    """

    def __init__(self, group: population.MarketMaker, liquidity: float = 1.0, spread: float = 1.0) -> None:
        self._quantity = max(1, int(group.quantity * liquidity))
        self._aversion = group.risk_aversion * BPS / group.quantity
        self._half = group.half_spread * BPS * spread
        self._ahead = group.look_ahead
        self._noise = group.noise * BPS
        self._near = group.requote * BPS

    def quotes(self, turn: Turn, view: View, value: int, inventory: int) -> Quotes:
        """Where to quote now. A quote that meets another's order takes it: that order lies where it should not."""
        middle = view.middle
        fair = middle + self._ahead * (value - middle)
        fair *= 1.0 + self._noise * turn.normal - max(min(self._aversion * inventory, 0.002), -0.002)
        restless = min(max(view.move / (7.0 * BPS * middle), 0.7), 4.0)
        half = fair * self._half * restless * (0.85 + 0.3 * turn.distance)
        size = max(1, int(self._quantity * min(pareto(turn.style, SIZE_TAIL), LARGEST)))
        bid, ask = on_tick(fair - half, view.tick, "buy"), on_tick(fair + half, view.tick, "sell")
        return Quotes(bid, ask, size, self._near * middle, self._quantity // 4)
