"""Private investors."""

from __future__ import annotations

from simulators import population
from simulators.traders import BPS, Turn, View, Wish, on_tick
from streaming.contracts.codec import MINUTE
from streaming.contracts.events import Side


class Retail:
    """Small orders that come in herds: R. Cont, J.-P. Bouchaud, Macroeconomic Dynamics 4(2), 2000; and after moves that
    catch the eye: B. M. Barber, T. Odean, Review of Financial Studies 21(2), 2008.

    In quiet times many turns pass without an order; when the price has just moved, most of those whose side the move
    suits send one, and take what is there.
    """

    def __init__(self, group: population.Retail) -> None:
        self._herding = group.herding
        self._market_orders = group.market_orders
        self._quantity = group.quantity
        self._depth = group.depth * BPS
        self._patience = int(group.patience_minutes * MINUTE)

    def decide(self, turn: Turn, side: Side, view: View, value: int) -> Wish | None:
        """A market order or one a little behind the middle, if it acts at all."""
        pull = view.jump / view.move * (1.0 if side == "buy" else -1.0)
        if turn.distance > 0.35 * (1.0 + self._herding * max(pull, -1.0)):
            return None
        quantity = max(1, int(self._quantity * turn.size))
        if turn.style < self._market_orders:
            wish = view.taking(side, quantity, MINUTE)
            if wish is not None:
                return wish
        behind = self._depth * (1.0 - turn.style)
        price = view.middle * (1.0 - behind if side == "buy" else 1.0 + behind)
        return Wish(side, on_tick(price, view.tick, side), quantity, self._patience)
