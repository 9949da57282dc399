"""lightmatchingengine: a dictionary of prices, each with a list of orders."""

from __future__ import annotations

from collections.abc import Iterable

from lightmatchingengine.lightmatchingengine import LightMatchingEngine, Side, Trade

from peers.stream import ADD, CANCEL, Event, Fill

SYMBOL = "ACME"
Work = tuple[int, int, int, int, int]


class Peer:
    """It numbers orders from 1 by itself, as the stream does. A market order has price 0."""

    def __init__(self) -> None:
        self.engine = LightMatchingEngine()

    def translate(self, stream: Iterable[Event]) -> list[Work]:
        """What `add_order` and `cancel_order` take."""
        return [(e.kind, e.order_id, e.price, e.quantity, Side.BUY if e.buy else Side.SELL) for e in stream]

    def run(self, work: list[Work]) -> None:
        """Each call returns the order's trades."""
        for item in work:
            self._carry_out(*item)

    def fills(self, work: list[Work]) -> list[Fill]:
        """It tells a trade once for each resting order, and once more for all those of one price together."""
        return [
            (trade.trade_price, trade.trade_qty)
            for item in work
            for trade in self._carry_out(*item)
            if trade.trade_side != item[4]
        ]

    def _carry_out(self, kind: int, order_id: int, price: int, quantity: int, side: int) -> list[Trade]:
        if kind == CANCEL:
            try:  # noqa: SIM105  # `suppress` would be timed
                self.engine.cancel_order(order_id, SYMBOL)
            except AssertionError:
                pass  # gone, and its price too
            return []
        order, trades = self.engine.add_order(SYMBOL, price, quantity, side)
        if kind != ADD and order.leaves_qty:
            # What a market order leaves would stand at price 0, where every buyer takes it.
            self.engine.cancel_order(order.order_id, SYMBOL)
        found: list[Trade] = trades
        return found
