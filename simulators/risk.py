"""The broker's ledger: no one trades what they don't have.

A buyer's cash and a seller's shares are reserved before an order is sent, and released as it fills, is cancelled,
expires or is rejected. What has been reserved can never be spent twice, so balances never go below zero, however the
answers of the two topics come between each other: what is left of an order is its total minus all that was traded;
a cancellation takes from the total, a replacement sets it.

Cash and prices are in 1/10,000 dollar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from streaming.contracts.entitlement import entitlement
from streaming.contracts.events import (
    Accepted,
    BookEvent,
    Cancelled,
    CorporateAction,
    Expired,
    MarketStatus,
    Rejected,
    Replaced,
    Side,
    Trade,
)
from streaming.contracts.reference import Instrument, Trader


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


@dataclass(frozen=True, slots=True)
class Change:
    """A replacement that was sent: the new total, and what a share may then cost (None: as before)."""

    total: int
    unit_price: int | None


@dataclass(slots=True)
class OpenOrder:
    """What is left of an order.

    `unit_price` is what was reserved a share: the limit, or the collar's upper bound where it has no limit. `filled`
    counts the shares traded. `asked` are the replacements and cancels (None) that are not answered yet, oldest first.
    `dearer` is what a share cost at most before the order was made cheaper at the market time `dearer_until`: trades
    from before may still be heard. `promised` is what is reserved for it now: cash, or shares.
    """

    order_id: int
    trader_id: int
    symbol: str
    side: Side
    unit_price: int
    left: int
    placed: int
    limited: bool = True
    accepted: bool = False
    filled: int = 0
    asked: list[Change | None] = field(default_factory=list)
    dearer: int = 0
    dearer_until: int = 0
    promised: int = 0

    @property
    def cancelling(self) -> bool:
        """Whether a cancel is on its way."""
        return None in self.asked

    def changes(self) -> list[Change]:
        """The replacements that are not answered yet."""
        return [change for change in self.asked if change is not None]

    def need(self, *more: Change) -> int:
        """What has to be reserved: the most that it may take, whichever of its changes (and `more`) are carried out."""
        shares = self.left
        dearest = self.unit_price if self.unit_price > self.dearer else self.dearer
        if self.asked or more:
            for change in (*self.changes(), *more):
                shares = max(shares, change.total - self.filled)
                dearest = max(dearest, change.unit_price or 0)
        if shares <= 0:
            return 0
        return shares * dearest if self.side == "buy" else shares


class Ledger:
    """The accounts that one broker keeps, and their open orders. Events of other traders are passed over."""

    def __init__(self, accounts: dict[int, Account]) -> None:
        self.accounts = accounts
        self.orders: dict[int, OpenOrder] = {}
        self._by_market: dict[tuple[int, str], dict[int, OpenOrder]] = {}
        self._cheapened: dict[str, list[OpenOrder]] = {}

    def affordable(self, trader_id: int, symbol: str, side: Side, unit_price: int) -> int:
        """The most shares that the trader could now order at `unit_price`."""
        account = self.accounts[trader_id]
        return account.free_cash() // unit_price if side == "buy" else account.free_shares(symbol)

    def open_orders(self, trader_id: int, symbol: str) -> Iterable[OpenOrder]:
        """The trader's open orders in a symbol, oldest first."""
        return self._by_market.get((trader_id, symbol), {}).values()

    def reserve(self, order: OpenOrder) -> None:
        """Set aside what `order` may cost; RiskError where its trader does not have that much."""
        need, free = order.need(), self._free(order)
        if order.left <= 0 or need > free:
            raise RiskError(f"trader {order.trader_id} needs {need} to {order.side} {order.symbol} and has {free}")
        self.restore(order)

    def restore(self, order: OpenOrder) -> None:
        """Set aside what an order needs that the exchange already has."""
        if order.order_id in self.orders:
            raise RiskError(f"order {order.order_id} is already open")
        self.orders[order.order_id] = order
        self._by_market.setdefault((order.trader_id, order.symbol), {})[order.order_id] = order
        self._promise(order)

    def reserve_change(self, order: OpenOrder, change: Change) -> None:
        """Set aside what a replacement may cost, before it is sent; RiskError where its trader does not have it."""
        need, free = order.need(change) - order.promised, self._free(order)
        if need > free:
            raise RiskError(f"trader {order.trader_id} needs {need} more for order {order.order_id} and has {free}")
        self.ask(order, change)

    def ask(self, order: OpenOrder, change: Change | None) -> None:
        """Note that a replacement, or a cancel (None), is sent; what a replacement needs is set aside."""
        order.asked.append(change)
        self._promise(order)

    def apply(self, event: BookEvent) -> None:
        """Take in what the exchange says. The events of one topic and symbol have to come in order."""
        if isinstance(event, Accepted):
            order = self._mine(event.order_id, event.trader_id, event.symbol)
            if order is not None:
                order.accepted = True
        elif isinstance(event, Trade):
            self.fill(event)
            self.post(event)
        elif isinstance(event, Cancelled | Expired):
            self._taken_off(event)
        elif isinstance(event, Replaced):
            self._replaced(event)
        elif isinstance(event, Rejected):
            self._rejected(event)
        elif isinstance(event, CorporateAction):
            self.act(event)
        elif isinstance(event, MarketStatus) and event.upper_price is not None:
            self._collar(event.symbol, event.upper_price)

    def fill(self, trade: Trade) -> None:
        """Release what the traded part of both orders had reserved."""
        bought, sold = orders_of(trade)
        for order_id, trader_id in ((bought, trade.buyer_id), (sold, trade.seller_id)):
            order = self._mine(order_id, trader_id, trade.symbol)
            if order is not None:
                order.filled += trade.quantity
                self._lessen(order, trade.quantity)

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

    def act(self, action: CorporateAction, *, given: bool = False) -> None:
        """Give every holder what a corporate action brings, unless it is `given` already. Orders from before are gone.

        Every trade of the symbol before it must have been heard.
        """
        if action.status != "effective":
            return
        for order in [order for order in self.orders.values() if order.symbol == action.symbol]:
            if order.placed < action.event_time:  # the exchange cancelled it, which may be heard later
                order.asked.clear()
                order.left = 0
                self._promise(order)
        for account in () if given else self.accounts.values():
            held = account.shares.get(action.symbol, 0)
            cash, shares = entitlement(action, held)
            account.cash += cash
            account.shares[action.symbol] = held + shares

    def trades_heard(self, symbol: str, until: int) -> None:
        """Every trade of the symbol before the market time `until` has been heard."""
        waiting = self._cheapened.pop(symbol, None)
        if waiting is None:
            return
        for order in waiting:
            if order.dearer_until >= until:
                self._cheapened.setdefault(symbol, []).append(order)
            elif order.order_id in self.orders:
                order.dearer = 0
                self._promise(order)

    def check(self) -> None:
        """RiskError where somebody has, or has promised, less than nothing."""
        for trader, account in self.accounts.items():
            if account.free_cash() < 0 or any(account.free_shares(symbol) < 0 for symbol in account.shares):
                raise RiskError(f"trader {trader} has promised more than there is: {account}")

    def _mine(self, order_id: int | None, trader_id: int, symbol: str) -> OpenOrder | None:
        """The open order; ids are only a trader's own."""
        order = self.orders.get(order_id) if order_id is not None else None
        return order if order is not None and order.trader_id == trader_id and order.symbol == symbol else None

    def _collar(self, symbol: str, upper: int) -> None:
        """The dearest price allowed is now `upper`: what a share may cost to those who buy without a limit.

        Where it falls nothing is released: trades from before may still be heard.
        """
        for order in self.orders.values():
            if order.symbol == symbol and not order.limited and order.unit_price < upper:
                order.unit_price = upper
                self._promise(order)

    def _taken_off(self, event: Cancelled | Expired) -> None:
        order = self._mine(event.order_id, event.trader_id, event.symbol)
        if order is None:
            return
        if isinstance(event, Expired) or event.reason != "self_trade_prevention":
            order.asked.clear()  # all of it is gone: what was asked later will be refused
        self._lessen(order, event.quantity)

    def _lessen(self, order: OpenOrder, quantity: int) -> None:
        """Shares are no longer open. What a replacement added may be heard to trade before the replacement itself."""
        left = order.left - quantity
        if max(left, *(change.total - order.filled for change in order.changes()), -1) < 0:
            raise RiskError(f"order {order.order_id} has {order.left} shares left, not {quantity}")
        order.left = left
        self._promise(order)

    def _replaced(self, event: Replaced) -> None:
        order = self._mine(event.order_id, event.trader_id, event.symbol)
        if order is None:
            return
        if event.reason is None and order.asked:
            order.asked.pop(0)  # answers come in the order of the questions
        order.left = event.quantity - order.filled
        if event.price is not None and event.price != order.unit_price:
            if event.price < order.unit_price and order.side == "buy":
                # What it bought before, it may have bought at the old price: perhaps that is still to be heard.
                order.dearer = max(order.dearer, order.unit_price)
                order.dearer_until = event.event_time
                self._cheapened.setdefault(order.symbol, []).append(order)
            order.unit_price = event.price
        self._promise(order)

    def _rejected(self, event: Rejected) -> None:
        order = self._mine(event.order_id, event.trader_id, event.symbol)
        if order is None:
            return
        if not order.accepted:
            if event.reason != "unknown_order":
                order.asked.clear()
                order.left = 0
                self._promise(order)
            return
        # A replacement or a cancel was refused. An order that the exchange does not know any more will not change.
        if event.reason == "unknown_order":
            order.asked.clear()
        elif order.asked:
            order.asked.pop(0)
        self._promise(order)

    def _free(self, order: OpenOrder) -> int:
        account = self.accounts[order.trader_id]
        return account.free_cash() if order.side == "buy" else account.free_shares(order.symbol)

    def _promise(self, order: OpenOrder) -> None:
        """Reserve what the order needs as it is now; one of which nothing is left, nor may be again, is gone."""
        account, need = self.accounts[order.trader_id], order.need()
        if order.side == "buy":
            account.reserved_cash += need - order.promised
        else:
            reserved = account.reserved_shares
            reserved[order.symbol] = reserved.get(order.symbol, 0) + need - order.promised
        order.promised = need
        if order.left <= 0 and not (order.asked and order.changes()):
            del self.orders[order.order_id]
            del self._by_market[order.trader_id, order.symbol][order.order_id]


def orders_of(trade: Trade) -> tuple[int | None, int | None]:
    """The buyer's and the seller's order: an auction names them, else the aggressor's side tells which is which."""
    if trade.aggressor_side == "none":
        return trade.buy_order_id, trade.sell_order_id
    if trade.aggressor_side == "buy":
        return trade.taker_order_id, trade.maker_order_id
    return trade.maker_order_id, trade.taker_order_id


def endowments(traders: Iterable[Trader], instruments: Iterable[Instrument]) -> dict[int, Account]:
    """The accounts that a new exchange starts with."""
    symbols = [instrument.symbol for instrument in instruments]
    return {trader.trader_id: Account(trader.cash, dict.fromkeys(symbols, trader.shares)) for trader in traders}
