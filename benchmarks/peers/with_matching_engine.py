"""matching-engine: events out of `MatchingEngine.process`, as its own benchmark drives it."""

from __future__ import annotations

from collections.abc import Iterable

from matching_engine import CancelOrder, NewOrder, OrderType, SelfTradePrevention, SequencedCommand, Side, TimeInForce
from matching_engine.engine import MatchingEngine
from matching_engine.events import Trade

from peers.stream import ADD, CANCEL, Event, Fill


class Peer:
    """The engine alone, without its log and gateway."""

    def __init__(self) -> None:
        self.engine = MatchingEngine()
        self.sequence = 0

    def translate(self, stream: Iterable[Event]) -> list[SequencedCommand]:
        """Its default would cancel an order that meets its own trader's; ours lets them trade."""
        work = []
        for event in stream:
            self.sequence += 1
            command: NewOrder | CancelOrder
            if event.kind == CANCEL:
                command = CancelOrder(event.order_id, event.trader_id)
            else:
                limit = event.kind == ADD
                command = NewOrder(
                    event.order_id,
                    event.trader_id,
                    Side.BUY if event.buy else Side.SELL,
                    event.price,
                    event.quantity,
                    OrderType.LIMIT if limit else OrderType.MARKET,
                    TimeInForce.GTC if limit else TimeInForce.IOC,
                    stp=SelfTradePrevention.NONE,
                )
            work.append(SequencedCommand(self.sequence, self.sequence, command))
        return work

    def run(self, work: list[SequencedCommand]) -> None:
        """Each call returns the command's events."""
        process = self.engine.process
        for command in work:
            process(command)

    def fills(self, work: list[SequencedCommand]) -> list[Fill]:
        """From the events."""
        process = self.engine.process
        return [(event.price, event.qty) for command in work for event in process(command) if type(event) is Trade]
