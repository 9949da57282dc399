"""order-matching: a dictionary of prices, each with a list of orders that is sorted by time again and again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from loguru import logger
from order_matching.enums import Side
from order_matching.matching_engine import MatchingEngine
from order_matching.order import LimitOrder, MarketOrder
from order_matching.orders import Orders
from order_matching.trade import Trade

from peers.stream import ADD, CANCEL, Event, Fill

Work = tuple[int, str, Orders, datetime]
logger.disable("order_matching")  # it writes a line for each order


class Peer:
    """Orders are placed and matched one by one, as they come."""

    def __init__(self) -> None:
        self.engine = MatchingEngine(seed=1)
        self.now = datetime(2026, 1, 5)

    def translate(self, stream: Iterable[Event]) -> list[Work]:
        """Prices and sizes are floats, ids are text, and time is what priority goes by."""
        work = []
        for event in stream:
            self.now += timedelta(microseconds=1)
            orders = Orders()
            fields = {
                "side": Side.BUY if event.buy else Side.SELL,
                "size": float(event.quantity),
                "timestamp": self.now,
                "order_id": str(event.order_id),
                "trader_id": str(event.trader_id),
            }
            if event.kind == ADD:
                orders = Orders([LimitOrder(price=float(event.price), **fields)])
            elif event.kind != CANCEL:
                orders = Orders([MarketOrder(**fields)])
            work.append((event.kind, str(event.order_id), orders, self.now))
        return work

    def run(self, work: list[Work]) -> None:
        """Each match returns its trades."""
        for item in work:
            self._carry_out(*item)

    def fills(self, work: list[Work]) -> list[Fill]:
        """From what `match` returns."""
        return [(int(trade.price), int(trade.size)) for item in work for trade in self._carry_out(*item)]

    def _carry_out(self, kind: int, order_id: str, orders: Orders, now: datetime) -> list[Trade]:
        if kind == CANCEL:
            try:  # noqa: SIM105  # `suppress` would be timed
                self.engine.cancel_order(order_id)
            except ValueError:
                pass  # gone
            return []
        self.engine.place(orders)
        trades = self.engine.match(now).trades
        if kind != ADD and orders.orders[0].size:
            # What a market order leaves would stand at an infinite price, or at 0.
            self.engine.cancel_order(order_id)
        return trades
