"""Tickhouse's own book: `SymbolMarket`, as the engine drives it."""

from __future__ import annotations

from collections.abc import Iterable

from peers.stream import ADD, CANCEL, Event, Fill
from streaming.contracts.commands import CancelOrder, NewOrder
from streaming.contracts.events import Trade
from streaming.matching.exchange import SymbolMarket

SYMBOL = "ACME"
TICK = 100
"""One cent, in 1/10,000 dollar."""
START = 1_700_000_000_000_000


class Peer:
    """A market without reference data."""

    def __init__(self) -> None:
        self.market = SymbolMarket(SYMBOL, bare=True)
        self.now = START

    def translate(self, stream: Iterable[Event]) -> list[NewOrder | CancelOrder]:
        """The commands that traders send."""
        work: list[NewOrder | CancelOrder] = []
        for event in stream:
            self.now += 1
            if event.kind == CANCEL:
                work.append(
                    CancelOrder(order_id=event.order_id, trader_id=event.trader_id, symbol=SYMBOL, event_time=self.now)
                )
                continue
            limit = event.kind == ADD
            work.append(
                NewOrder(
                    order_id=event.order_id,
                    trader_id=event.trader_id,
                    symbol=SYMBOL,
                    side="buy" if event.buy else "sell",
                    order_type="limit" if limit else "market",
                    price=event.price * TICK if limit else None,
                    quantity=event.quantity,
                    event_time=self.now,
                )
            )
        return work

    def run(self, work: list[NewOrder | CancelOrder]) -> None:
        """Each call returns the command's events."""
        apply = self.market.apply
        for command in work:
            apply(command)

    def fills(self, work: list[NewOrder | CancelOrder]) -> list[Fill]:
        """From the events."""
        apply = self.market.apply
        return [
            (event.price // TICK, event.quantity)
            for command in work
            for event in apply(command)
            if type(event) is Trade
        ]
