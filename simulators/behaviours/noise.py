"""Zero-intelligence traders."""

from __future__ import annotations

from simulators import population
from simulators.traders import BPS, Turn, View, Wish, on_tick
from streaming.contracts.codec import MINUTE
from streaming.contracts.events import Side


class Noise:
    """Trades for reasons of its own: D. K. Gode, S. Sunder, Journal of Political Economy 101(1), 1993.

    Some orders take what is there, the others lie behind the best price, at a distance from a power law, as J. D.
    Farmer, P. Patelli, I. Zovko (PNAS 102(6), 2005) and J.-P. Bouchaud, M. Mézard, M. Potters (Quantitative Finance
    2(4), 2002) found them.
    """

    def __init__(self, group: population.Noise) -> None:
        self._market_orders = group.market_orders
        self._quantity = group.quantity
        self._depth = group.depth * BPS
        self._exponent = -1.0 / group.depth_tail
        self._patience = int(group.patience_minutes * MINUTE)

    def decide(self, turn: Turn, side: Side, view: View, value: int) -> Wish | None:
        """A market order, or a limit order somewhere behind the middle."""
        quantity = max(1, int(self._quantity * turn.size))
        if turn.style < self._market_orders:
            wish = view.taking(side, quantity, MINUTE)
            if wish is not None:
                return wish
        behind = min(self._depth * (1.0 - turn.distance) ** self._exponent, 0.03)
        middle = view.middle
        price = middle * (1.0 - behind) if side == "buy" else middle * (1.0 + behind)
        return Wish(side, on_tick(price, view.tick, side), quantity, int(self._patience * (0.2 + 1.6 * turn.style)))
