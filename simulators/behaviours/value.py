"""Traders who know something of what a share is worth."""

from __future__ import annotations

from simulators import population
from simulators.traders import BPS, Turn, View, Wish, on_tick
from streaming.contracts.codec import MINUTE
from streaming.contracts.events import Side


class Value:
    """Buys below its own valuation and sells above it: C. Chiarella, G. Iori, Quantitative Finance 2(5), 2002.

    The valuation is the true value seen through noise. Where the best price is good enough it is taken; else the trader
    waits at the price that would be.
    """

    def __init__(self, group: population.Value) -> None:
        self._noise = group.noise * BPS
        self._margin = group.margin * BPS
        self._quantity = group.quantity
        self._patience = int(group.patience_minutes * MINUTE)

    def decide(self, turn: Turn, side: Side, view: View, value: int) -> Wish | None:
        """A limit order at the best price of the other side, or at the price that it would like."""
        worth = value * (1.0 + self._noise * turn.normal)
        gain = worth * self._margin
        quantity = max(1, int(self._quantity * turn.size))
        patience = int(self._patience * (0.2 + 1.6 * turn.style))
        if side == "buy":
            if view.ask is not None and view.ask <= worth - gain:
                return Wish(side, view.ask, quantity, patience)
            return Wish(side, on_tick(worth - gain, view.tick, side), quantity, patience)
        if view.bid is not None and view.bid >= worth + gain:
            return Wish(side, view.bid, quantity, patience)
        return Wish(side, on_tick(worth + gain, view.tick, side), quantity, patience)
