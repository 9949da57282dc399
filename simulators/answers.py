"""What the exchange says to a command of a person's."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.risk import orders_of
from streaming.contracts.commands import CancelAll, CancelOrder, NewOrder, ReplaceOrder, TraderCommand
from streaming.contracts.events import (
    Accepted,
    Cancelled,
    Expired,
    MassCancelled,
    Reason,
    Rejected,
    Replaced,
    Trade,
    Triggered,
)

Said = Accepted | Replaced | Triggered | Cancelled | Expired | MassCancelled

OF_A_CANCEL = frozenset({"unknown_symbol", "invalid_event_time", "unknown_order"})
"""The only rejections of a cancel: another one answers a replacement sent before."""

ABOUT = {
    NewOrder: Accepted | Rejected,
    ReplaceOrder: Replaced | Rejected | Cancelled,
    CancelOrder: Cancelled | Rejected,
    CancelAll: MassCancelled | Rejected,
}
"""What answers a command; a replacement by less than has traded already cancels the rest."""


@dataclass
class Answer:
    """What became of a command. `said` are the events about its orders, in the order in which they were heard.

    `open` is what is left of the order afterwards.
    """

    command: TraderCommand
    said: list[Said] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    rejected: Reason | None = None
    open: int = 0

    @property
    def order_id(self) -> int | None:
        """The order that the command is about; None where it is about all."""
        return None if isinstance(self.command, CancelAll) else self.command.order_id

    def take(self, item: object) -> bool:
        """Note what `item` says of the command; whether it is the exchange's answer to it."""
        if isinstance(item, Trade):
            self._take_trade(item)
        elif isinstance(item, Rejected):
            return self._take_rejection(item)
        elif isinstance(item, Said):
            if not self._is_mine(item):
                return False
            self.said.append(item)
            unasked = isinstance(item, Replaced | Cancelled) and item.reason not in (None, "requested")
            return isinstance(item, ABOUT[type(self.command)]) and not unasked
        return False

    def _is_mine(self, item: Said) -> bool:
        command = self.command
        if (item.trader_id, item.symbol) != (command.trader_id, command.symbol):
            return False
        if isinstance(command, CancelAll):
            return isinstance(item, MassCancelled | Cancelled)
        return not isinstance(item, MassCancelled) and item.order_id == command.order_id

    def _take_rejection(self, item: Rejected) -> bool:
        command = self.command
        named = (item.trader_id, item.symbol, item.order_id)
        if named != (command.trader_id, command.symbol, self.order_id):
            return False
        if isinstance(command, CancelOrder) and item.reason not in OF_A_CANCEL:
            return False
        self.rejected = item.reason
        return True

    def _take_trade(self, trade: Trade) -> None:
        bought, sold = orders_of(trade)
        mine = (self.command.symbol, self.command.trader_id, self.order_id)
        if mine in ((trade.symbol, trade.buyer_id, bought), (trade.symbol, trade.seller_id, sold)):
            self.trades.append(trade)
