"""The reference market: the rule book written a second time, slowly, to be read and to be compared with.

Nothing is shared with the real one but the messages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace as changed
from fractions import Fraction
from functools import partial

from streaming.contracts.commands import (
    AnyCommand,
    CancelAll,
    CancelOrder,
    DeclareAction,
    DefineInstrument,
    DefineTrader,
    Halt,
    NewOrder,
    ReplaceOrder,
    Resume,
    SetSession,
    TraderCommand,
)
from streaming.contracts.events import (
    Accepted,
    BookEvent,
    CorporateAction,
    MassCancelled,
    Price,
    Rejected,
    Replaced,
    RestingOrder,
)
from tests.reference import checks
from tests.reference.order import MINUTE, Order, nearest
from tests.reference.sessions import Sessions

Timer = tuple[int, int, int, Callable[[], None]]
"""Deadline, rank among timers of one deadline, order of acceptance, and what it does."""


class ReferenceMarket(Sessions):
    """One symbol's market. `bare` is a market without reference data, until an instrument comes."""

    def __init__(self, symbol: str, *, bare: bool) -> None:
        super().__init__(symbol, bare=bare)
        self.highest_ids: defaultdict[int, int] = defaultdict(int)
        self.defaults: dict[int, str] = {}
        self.control_time = 0
        self.action_ids: set[str] = set()

    @property
    def known(self) -> bool:
        return self.bare or self.rules is not None

    def apply(self, command: AnyCommand) -> list[BookEvent]:
        """Carry out a command; what happened, in order."""
        self.events = []
        if not self.known and not isinstance(command, DefineInstrument):
            return [unknown_symbol(command)] if isinstance(command, TraderCommand) else []
        if isinstance(command, TraderCommand) and self.is_too_far_ahead(command.event_time):
            self.reject(command, "invalid_event_time")
            return self.events
        self.let_time_pass(command.event_time)
        if not isinstance(command, TraderCommand):
            self.control_time = max(self.control_time, command.event_time)
        match command:
            case DefineInstrument():
                self.rules = command
            case DefineTrader():
                self.defaults[command.trader_id] = command.self_trade_prevention
            case SetSession():
                self.begin_session(command)
            case Halt():
                self.halt()
            case Resume():
                self.resume()
            case DeclareAction():
                self.act(command)
            case NewOrder():
                self.new(command)
            case CancelOrder():
                self.cancel_one(command)
            case CancelAll():
                self.cancel_all(command)
            case ReplaceOrder():
                self.replace(command)
        self.settle()
        return self.events

    # Time

    def is_too_far_ahead(self, event_time: int) -> bool:
        """A market that began without reference data has no such bound, also when an instrument has come."""
        return not self.bare and event_time > self.control_time + 15 * MINUTE

    def let_time_pass(self, until: int) -> None:
        while due := [timer for timer in self.timers() if timer[0] <= until]:
            deadline, _, _, fire = min(due, key=lambda timer: timer[:3])
            self.now = max(self.now, deadline)
            fire()
            self.settle()
        self.now = max(self.now, until)

    def timers(self) -> list[Timer]:
        found: list[Timer] = [
            (order.expire_time, 1, order.acceptance, partial(self.expire, order))
            for order in self.orders
            if order.expire_time is not None
        ]
        if self.close_time is not None and not self.late:
            found.append((self.close_time - 25 * MINUTE, 2, 0, self.begin_last_minutes))
        if self.limit_deadline is not None:
            found.append((self.limit_deadline, 3, 0, self.pause))
        if self.pause_deadline is not None:
            found.append((self.pause_deadline, 4, 0, self.resume))
        return found

    # Commands of traders

    def reject(self, command: TraderCommand, reason: str) -> None:
        self.emit(Rejected, order_id=order_id(command), trader_id=command.trader_id, reason=reason)

    def find(self, command: CancelOrder | ReplaceOrder) -> Order | None:
        name = {"order_id": command.order_id, "trader_id": command.trader_id}
        return next((order for order in self.orders if order.name == name), None)

    def new(self, command: NewOrder) -> None:
        highest = self.highest_ids[command.trader_id]
        self.highest_ids[command.trader_id] = max(highest, command.order_id)
        reason = checks.refusal(checks.of_new(self, command, highest))
        if reason:
            self.reject(command, reason)
            return
        order = self.understood(command)
        if command.post_only and self.could_trade(order):
            self.reject(command, "would_cross")
            return
        self.emit(
            Accepted,
            **order.name,
            side=order.side,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            price=order.price,
            stop_price=order.stop_price,
            display_quantity=order.display_quantity,
            quantity=order.total,
            expire_time=order.expire_time,
            post_only=order.post_only,
            self_trade_prevention=order.self_trade_prevention,
        )
        order.acceptance = self.sequence
        self.enter(order)

    def understood(self, command: NewOrder) -> Order:
        mode = command.self_trade_prevention
        return Order(
            order_id=command.order_id,
            trader_id=command.trader_id,
            side=command.side,
            order_type=command.order_type,
            time_in_force=command.time_in_force,
            price=command.price,
            stop_price=command.stop_price,
            display_quantity=command.display_quantity,
            total=command.quantity,
            expire_time=command.expire_time,
            post_only=command.post_only,
            self_trade_prevention=self.defaults.get(command.trader_id) if mode is None else mode,
            acceptance=0,
        )

    def enter(self, order: Order) -> None:
        """An order, new or as good as new, is parked, waits, matches or gathers."""
        if order.time_in_force == "at_the_close" and self.session != "closing_auction":
            self.put(order, "parked")
        elif order.stop_price is not None:
            self.wait_for_stop(order)
        elif self.matches:
            self.remove(order)
            self.match(order)
        else:
            self.put(order, "market" if order.price is None else "book")

    def cancel_one(self, command: CancelOrder) -> None:
        order = self.find(command)
        if order is None:
            self.reject(command, "unknown_order")
        else:
            self.cancel(order, "requested")

    def cancel_all(self, command: CancelAll) -> None:
        found = [order for order in self.accepted() if order.trader_id == command.trader_id]
        for order in found:
            self.cancel(order, "requested")
        self.emit(MassCancelled, trader_id=command.trader_id, orders=len(found))

    def replace(self, command: ReplaceOrder) -> None:
        order = self.find(command)
        if order is None:
            self.reject(command, "unknown_order")
            return
        reason = checks.refusal(checks.of_replace(self, order, command))
        if reason:
            self.reject(command, reason)
            return
        if command.quantity <= order.filled:
            self.cancel(order, "requested")
            return
        price = order.price if command.price is None else command.price
        stop = order.stop_price if command.stop_price is None else command.stop_price
        if order.post_only and price != order.price and self.could_trade(changed(order, price=price)):
            self.reject(command, "would_cross")
            return
        keeps_place = price == order.price and stop == order.stop_price and command.quantity <= order.total
        order.price, order.stop_price, order.total = price, stop, command.quantity
        self.emit(Replaced, **order.name, price=price, stop_price=stop, quantity=order.total)
        if keeps_place:
            order.show_no_more()
        elif order.where == "market":
            self.put(order, "market")
        else:
            self.enter(order)

    # Corporate actions

    def act(self, command: DeclareAction) -> None:
        reason = checks.refusal(checks.of_action(self, self.action_ids, command))
        prices: dict[str, int | None] = {}
        if not reason:
            for order in self.accepted():
                self.cancel(order, "corporate_action")
            before = self.last_price
            self.last_price = self.worth(before, command)
            reference, date = self.day_reference
            self.day_reference = (self.worth(reference, command), date)
            self.traded = []
            self.action_ids.add(command.action_id)
            prices = {"close_price": before, "adjusted_price": self.last_price}
        terms = ("action_id", "kind", "ex_date", "numerator", "denominator", "amount")
        self.emit(
            CorporateAction,
            status="refused" if reason else "effective",
            reason=reason,
            **{name: getattr(command, name) for name in terms},
            **prices,
        )

    def worth(self, price: int | None, command: DeclareAction) -> int | None:
        """A price as it is after the action: on a tick, and never nothing."""
        if price is None:
            return None
        if command.kind == "split":
            assert command.numerator
            assert command.denominator
            exact = Fraction(price * command.denominator, command.numerator)
        else:
            exact = Fraction(price - (command.amount or 0))
        return max(nearest(exact, self.tick), self.tick)

    # What can be seen

    def price(self) -> Price:
        seen: dict[str, int] = {}
        if self.gathers:
            if found := self.indication():
                seen["indicative_price"], seen["indicative_quantity"] = found
        else:
            for word, orders in (("bid", self.side("buy")), ("ask", self.side("sell"))):
                if orders:
                    best = orders[0].limit()
                    seen[f"{word}_price"] = best
                    seen[f"{word}_quantity"] = sum(order.shown for order in orders if order.price == best)
        return Price(
            symbol=self.symbol,
            last_sequence=self.sequence,
            last_price=self.last_price,
            volume=self.volume,
            event_time=self.now,
            **seen,
        )

    def resting(self) -> list[RestingOrder]:
        """The orders of a snapshot."""
        return [
            RestingOrder(
                **order.name,
                side=order.side,  # type: ignore[arg-type]
                price=order.limit(),
                quantity=order.left,
                shown_quantity=order.shown if order.shown < order.left else None,
            )
            for order in self.side("buy") + self.side("sell")
        ]


def order_id(command: TraderCommand) -> int | None:
    return None if isinstance(command, CancelAll) else command.order_id


def unknown_symbol(command: TraderCommand) -> Rejected:
    """A rejection outside every sequence."""
    return Rejected(
        order_id=order_id(command),
        trader_id=command.trader_id,
        symbol=command.symbol,
        reason="unknown_symbol",
        event_time=command.event_time,
    )
