"""From a trader's turn to the commands that are sent: what can be paid for is ordered, what has waited is cancelled.

The history run and the live gateways share this; nothing here knows the exchange or Kafka.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from heapq import heappop, heappush

from simulators.agenda import Step
from simulators.corporate import Splits, shares_since_splits
from simulators.risk import Change, Ledger, OpenOrder
from simulators.roster import Roster
from simulators.traders import Turn, View, first_order_id, on_tick, role
from streaming.contracts.codec import MINUTE
from streaming.contracts.commands import CancelOrder, NewOrder, ReplaceOrder
from streaming.contracts.events import Side

BLIND = 15e-4
"""How far from the last price an order that wants to trade goes where no best price is to be seen."""
MISTAKEN = 0.08
"""How far from the market an order lies that was typed wrong, as a share of the price."""
FORGOTTEN = 10 * MINUTE
"""How long an order stays whose patience was lost with an earlier process."""

Command = NewOrder | CancelOrder | ReplaceOrder


class Broker:
    """The broker of some simulated traders on one trading day."""

    def __init__(
        self, ledger: Ledger, roster: Roster, traders: Iterable[int], date: dt.date, splits: Splits | None = None
    ) -> None:
        self.ledger = ledger
        self._splits = {} if splits is None else splits
        self.date = date
        self._roster = roster
        self._behaviours = roster.behaviours
        self._one_sided = roster.one_sided
        self._roles = {trader: role(trader, date) for trader in traders}
        self._last_ids = {trader: first_order_id(trader, date) for trader in self._roles}
        self._patience: list[tuple[int, int]] = []
        for order in ledger.orders.values():
            heappush(self._patience, (order.placed + FORGOTTEN, order.order_id))

    def used(self, order_id: int, trader_id: int) -> None:
        """An order id that was given before a restart: the next ones lie above it."""
        self._last_ids[trader_id] = max(self._last_ids[trader_id], order_id)

    def lapse(self, until: int) -> list[tuple[int, OpenOrder]]:
        """The orders whose patience is over before `until`, each with the time at which it was; `withdraw` them."""
        found = []
        while self._patience and self._patience[0][0] < until:
            due, order_id = heappop(self._patience)
            order = self.ledger.orders.get(order_id)
            if order is not None and not order.cancelling:
                found.append((due, order))
        return found

    def withdraw(self, order: OpenOrder, now: int) -> CancelOrder:
        """Cancel an order."""
        self.ledger.ask(order, None)
        return CancelOrder(order_id=order.order_id, trader_id=order.trader_id, symbol=order.symbol, event_time=now)

    def turn(self, turn: Turn, view: View, value: int, now: int) -> list[Command]:
        """The commands of a trader's turn, already reserved for, in the order in which they are to be sent.

        `value` is the fundamental value, `now` the market's time.
        """
        trader = turn.trader_id
        behaviour = self._behaviours.get(trader)
        if behaviour is None:
            return self._quote(turn, view, value, now)
        wish = behaviour.decide(turn, self._roles[trader], view, value)
        if wish is None:
            return []
        return self._order(trader, turn.symbol, wish.side, wish.price, wish.quantity, wish.patience, view, now)

    def step(self, step: Step, view: View, now: int) -> list[Command]:
        """The commands of a step of a plan."""
        trader, symbol, side = step.trader_id, step.symbol, step.side
        if not step.quantity:
            mine = [order for order in self.ledger.open_orders(trader, symbol) if order.side == side]
            return [self.withdraw(order, now) for order in mine if not order.cancelling]
        return self._order(trader, symbol, side, self._priced(step, view), step.quantity, step.patience, view, now)

    @staticmethod
    def _priced(step: Step, view: View) -> int:
        buy = step.side == "buy"
        if step.base == "wrong":
            return on_tick(view.middle * (1.0 + MISTAKEN if buy else 1.0 - MISTAKEN), view.tick, step.side)
        best = view.bid if buy == (step.base == "own") else view.ask
        if best is None:
            away = BLIND if step.base == "other" else 0.0
            best = on_tick(view.middle * (1.0 + away if buy else 1.0 - away), view.tick, step.side)
        price = best + step.ticks * view.tick * (1 if buy else -1)
        other = view.ask if buy else view.bid
        if step.base == "own" and other is not None:  # to improve the best price is not to take
            price = min(price, other - view.tick) if buy else max(price, other + view.tick)
        return price

    def _order(
        self,
        trader: int,
        symbol: str,
        side: Side,
        price: int | None,
        quantity: int,
        patience: int,
        view: View,
        now: int,
    ) -> list[Command]:
        if price is not None:
            price = min(max(price, view.lower), view.upper)
        # A market buy trades up to the collar at most: that is what has to be there.
        unit_price = view.upper if price is None else price
        quantity = min(quantity, self.ledger.affordable(trader, symbol, side, unit_price))
        if quantity <= 0:
            return []
        order_id = self._last_ids[trader] = self._last_ids[trader] + 1
        self.ledger.reserve(OpenOrder(order_id, trader, symbol, side, unit_price, quantity, now, price is not None))
        if patience:
            heappush(self._patience, (now + patience, order_id))
        return [
            NewOrder(
                order_id=order_id,
                trader_id=trader,
                symbol=symbol,
                side=side,
                order_type="market" if price is None else "limit",
                time_in_force="day",
                price=price,
                quantity=quantity,
                # Who is on both sides must not trade with itself.
                self_trade_prevention=None if trader in self._one_sided else "cancel_oldest",
                event_time=now,
            )
        ]

    def _quote(self, turn: Turn, view: View, value: int, now: int) -> list[Command]:
        """Bring a market maker's two quotes to where they should be."""
        trader, symbol = turn.trader_id, turn.symbol
        old: dict[Side, OpenOrder] = {}
        for order in self.ledger.open_orders(trader, symbol):
            if order.asked:
                return []  # an answer is still on its way
            old[order.side] = order
        ask = old.get("sell")
        account = self.ledger.accounts[trader]
        endowed = shares_since_splits(self._roster.endowed[trader], symbol, self._splits)
        inventory = account.shares.get(symbol, 0) - endowed
        quotes = self._roster.makers[trader].quotes(turn, view, value, inventory)
        # The side that gives way goes first, or the other would meet it.
        sides: list[tuple[Side, int]] = [("buy", quotes.bid), ("sell", quotes.ask)]
        if ask is not None and quotes.ask > ask.unit_price:
            sides.reverse()
        commands: list[Command] = []
        for side, price in sides:
            order_ = old.get(side)
            price = min(max(price, view.lower), view.upper)
            if order_ is None:
                commands += self._order(trader, symbol, side, price, quotes.quantity, 0, view, now)
            elif abs(order_.unit_price - price) > quotes.near or order_.left < quotes.least:
                commands += self._move(order_, price, quotes.quantity, now)
        return commands

    def _move(self, order: OpenOrder, price: int, quantity: int, now: int) -> list[Command]:
        change = Change(order.filled + quantity, price)
        if order.need(change) - order.promised > self._free(order):
            return [self.withdraw(order, now)]
        self.ledger.ask(order, change)
        return [
            ReplaceOrder(
                order_id=order.order_id,
                trader_id=order.trader_id,
                symbol=order.symbol,
                price=price,
                quantity=change.total,
                event_time=now,
            )
        ]

    def _free(self, order: OpenOrder) -> int:
        account = self.ledger.accounts[order.trader_id]
        return account.free_cash() if order.side == "buy" else account.free_shares(order.symbol)
