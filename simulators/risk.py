"""The broker's ledger: no one trades what they don't have.

A buyer's cash and a seller's shares are reserved before an order is sent, and released as it fills, is cancelled,
expires or is rejected. What has been reserved can never be spent twice, so balances never go below zero, whatever
the order in which answers arrive: what is left of an order is its quantity minus all that was traded, cancelled and
expired.

Cash and prices are in 1/10,000 dollar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from streaming.contracts.events import Accepted, BookEvent, Cancelled, Expired, Rejected, Side, Trade
from streaming.contracts.reference import Instrument, Trader

NOT_AN_ORDER = frozenset({"unknown_order"})
"""Rejections of a cancel: they say nothing of what is left of the order."""


class RiskError(Exception):
    """An order needs more than its trader has, or a balance would go below zero."""


@dataclass(slots=True)
class Account:
    """What a trader has, and how much of it is promised to open orders."""

    cash: int
    shares: dict[str, int]
    reserved_cash: int = 0
    reserved_shares: dict[str, int] = field(default_factory=dict)

    def free_cash(self) -> int:
        """Cash that is promised to no order."""
        return self.cash - self.reserved_cash

    def free_shares(self, symbol: str) -> int:
        """Shares that are promised to no order."""
        return self.shares.get(symbol, 0) - self.reserved_shares.get(symbol, 0)


@dataclass(slots=True)
class OpenOrder:
    """What is left of an order. `unit_price` is what was reserved a share: the limit, or the collar's upper bound."""

    order_id: int
    trader_id: int
    symbol: str
    side: Side
    unit_price: int
    left: int
    placed: int
    cancelling: bool = False


class Ledger:
    """The accounts that one broker keeps, and their open orders. Events of other traders are passed over."""

    def __init__(self, accounts: dict[int, Account]) -> None:
        self.accounts = accounts
        self.orders: dict[int, OpenOrder] = {}
        self._by_market: dict[tuple[int, str], dict[int, OpenOrder]] = {}

    def affordable(self, trader_id: int, symbol: str, side: Side, unit_price: int) -> int:
        """The most shares that the trader could now order at `unit_price`."""
        account = self.accounts[trader_id]
        return account.free_cash() // unit_price if side == "buy" else account.free_shares(symbol)

    def open_orders(self, trader_id: int, symbol: str) -> Iterable[OpenOrder]:
        """The trader's open orders in a symbol, oldest first."""
        return self._by_market.get((trader_id, symbol), {}).values()

    def reserve(self, order: OpenOrder) -> None:
        """Set aside what `order` may cost; RiskError where its trader does not have that much."""
        account = self.accounts[order.trader_id]
        if order.side == "buy":
            need, free = order.unit_price * order.left, account.free_cash()
        else:
            need, free = order.left, account.free_shares(order.symbol)
        if order.left <= 0 or need > free:
            raise RiskError(f"trader {order.trader_id} needs {need} to {order.side} {order.symbol} and has {free}")
        self.restore(order)

    def restore(self, order: OpenOrder) -> None:
        """Set aside what an order needs that the exchange already has."""
        if order.order_id in self.orders:
            raise RiskError(f"order {order.order_id} is already open")
        self.orders[order.order_id] = order
        self._by_market.setdefault((order.trader_id, order.symbol), {})[order.order_id] = order
        self._promise(order, order.left)

    def apply(self, event: BookEvent) -> None:
        """Take in what the exchange says."""
        if isinstance(event, Accepted):
            return
        if isinstance(event, Trade):
            self.fill(event)
            self.post(event)
        elif isinstance(event, Cancelled | Expired):
            self.take_off(event.order_id, event.quantity)
        elif isinstance(event, Rejected) and event.reason not in NOT_AN_ORDER:
            order = self.orders.get(event.order_id)
            if order is not None:
                self.take_off(event.order_id, order.left)

    def fill(self, trade: Trade) -> None:
        """Release what the traded part of both orders had reserved."""
        self.take_off(trade.maker_order_id, trade.quantity)
        self.take_off(trade.taker_order_id, trade.quantity)

    def post(self, trade: Trade, *, check: bool = True) -> None:
        """Move the cash and the shares; RiskError where somebody did not have them.

        Without `check` where trades are heard out of order: call `check()` when all of a day's have been.
        """
        amount = trade.price * trade.quantity
        buyer, seller = self.accounts.get(trade.buyer_id), self.accounts.get(trade.seller_id)
        if buyer is not None:
            buyer.cash -= amount
            buyer.shares[trade.symbol] = buyer.shares.get(trade.symbol, 0) + trade.quantity
        if seller is not None:
            seller.cash += amount
            seller.shares[trade.symbol] = seller.shares.get(trade.symbol, 0) - trade.quantity
        if not check:
            return
        if (buyer is not None and buyer.cash < 0) or (seller is not None and seller.shares[trade.symbol] < 0):
            raise RiskError(f"{trade.trade_id} leaves a balance below zero")

    def check(self) -> None:
        """RiskError where somebody has, or has promised, less than nothing."""
        for trader, account in self.accounts.items():
            if account.free_cash() < 0 or any(account.free_shares(symbol) < 0 for symbol in account.shares):
                raise RiskError(f"trader {trader} has promised more than there is: {account}")

    def take_off(self, order_id: int, quantity: int) -> None:
        """`quantity` shares of an order are no longer open."""
        order = self.orders.get(order_id)
        if order is None:
            return
        if quantity > order.left:
            raise RiskError(f"order {order_id} has {order.left} shares left, not {quantity}")
        order.left -= quantity
        self._promise(order, -quantity)
        if order.left == 0:
            del self.orders[order_id]
            del self._by_market[order.trader_id, order.symbol][order_id]

    def _promise(self, order: OpenOrder, quantity: int) -> None:
        account = self.accounts[order.trader_id]
        if order.side == "buy":
            account.reserved_cash += order.unit_price * quantity
        else:
            reserved = account.reserved_shares
            reserved[order.symbol] = reserved.get(order.symbol, 0) + quantity


def endowments(traders: Iterable[Trader], instruments: Iterable[Instrument]) -> dict[int, Account]:
    """The accounts that a new exchange starts with."""
    symbols = [instrument.symbol for instrument in instruments]
    return {trader.trader_id: Account(trader.cash, dict.fromkeys(symbols, trader.shares)) for trader in traders}
