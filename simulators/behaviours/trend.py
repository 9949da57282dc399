"""Traders who look at nothing but the price's recent course."""

from __future__ import annotations

from simulators import population
from simulators.traders import Turn, View, Wish
from streaming.contracts.codec import MINUTE
from streaming.contracts.events import Side


class Momentum:
    """Follows the trend: N. Jegadeesh, S. Titman, Journal of Finance 48(1), 1993; as an agent, Chiarella and Iori 2002.

    It takes the best price of the other side while the price runs its way; else it does nothing.
    """

    def __init__(self, group: population.Momentum) -> None:
        self._threshold = group.threshold
        self._quantity = group.quantity
        self._patience = int(group.patience_minutes * MINUTE)

    def decide(self, turn: Turn, side: Side, view: View, value: int) -> Wish | None:
        """A limit order at the best price of the other side."""
        signal = (view.middle - view.trend) / view.move * (1.0 if side == "buy" else -1.0)
        best = view.ask if side == "buy" else view.bid
        if best is None or signal < self._threshold:
            return None
        return Wish(side, best, max(1, int(self._quantity * turn.size)), self._patience)


class MeanReversion:
    """Leans against the trend: W. F. M. De Bondt, R. Thaler, Journal of Finance 40(3), 1985.

    After a fall it buys, after a rise it sells, at the best price of its own side.
    """

    def __init__(self, group: population.MeanReversion) -> None:
        self._threshold = group.threshold
        self._quantity = group.quantity
        self._patience = int(group.patience_minutes * MINUTE)

    def decide(self, turn: Turn, side: Side, view: View, value: int) -> Wish | None:
        """A limit order that joins the best price of its own side."""
        signal = (view.trend - view.middle) / view.move * (1.0 if side == "buy" else -1.0)
        best = view.bid if side == "buy" else view.ask
        if best is None or signal < self._threshold:
            return None
        return Wish(side, best, max(1, int(self._quantity * turn.size)), self._patience)
