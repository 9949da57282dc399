"""From a trader's turn to the commands that are sent: cancel what is stale, and order what can be paid for.

The history run and the live gateways share this; nothing here knows the exchange or Kafka.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from simulators.risk import Ledger, OpenOrder
from simulators.traders import PROFILES, Action, View, decide, first_order_id, role, stale, valuation
from streaming.contracts.commands import CancelOrder, NewOrder
from streaming.contracts.reference import Trader


class Broker:
    """The broker of some simulated traders on one trading day."""

    def __init__(self, ledger: Ledger, traders: Iterable[Trader], date: dt.date) -> None:
        self.ledger = ledger
        self.date = date
        self._profiles = {trader.trader_id: PROFILES[trader.risk_profile] for trader in traders}
        self._roles = {trader: role(trader, date) for trader in self._profiles}
        self._last_ids = {trader: first_order_id(trader, date) for trader in self._profiles}

    def used(self, order_id: int, trader_id: int) -> None:
        """An order id that was given before a restart: the next ones lie above it."""
        self._last_ids[trader_id] = max(self._last_ids[trader_id], order_id)

    def act(self, action: Action, view: View, value: int, now: int) -> list[NewOrder | CancelOrder]:
        """The commands of a trader's turn, already reserved for, in the order in which they are to be sent.

        `value` is the fundamental value, `now` the market's time.
        """
        trader, symbol = action.trader_id, action.symbol
        profile, side = self._profiles[trader], self._roles[trader]
        worth = valuation(action, profile, value, view)
        commands: list[NewOrder | CancelOrder] = []
        for order in self.ledger.open_orders(trader, symbol):
            if not order.cancelling and stale(now - order.placed, order.unit_price, side, profile, worth):
                self.ledger.ask(order, None)
                commands.append(CancelOrder(order_id=order.order_id, trader_id=trader, symbol=symbol, event_time=now))
        wish = decide(action, profile, side, worth, view)
        # A market buy trades up to the collar at most: that is what has to be there.
        unit_price = view.upper if wish.price is None else wish.price
        quantity = min(wish.quantity, self.ledger.affordable(trader, symbol, side, unit_price))
        if quantity > 0:
            order_id = self._last_ids[trader] = self._last_ids[trader] + 1
            limited = wish.price is not None
            self.ledger.reserve(OpenOrder(order_id, trader, symbol, side, unit_price, quantity, now, limited))
            commands.append(
                NewOrder(
                    order_id=order_id,
                    trader_id=trader,
                    symbol=symbol,
                    side=side,
                    order_type="market" if wish.price is None else "limit",
                    time_in_force="day",
                    price=wish.price,
                    quantity=quantity,
                    event_time=now,
                )
            )
        return commands
