"""What traders send: new orders, cancels and replaces."""

from __future__ import annotations

from typing import Any, Final

from streaming.contracts.commands import CancelAll, ReplaceOrder, SelfTradePrevention
from streaming.contracts.events import Accepted, MassCancelled, OrderType, Reason, Side, TimeInForce
from streaming.matching.book import ON_BOOK, Order
from streaming.matching.matching import crosses, enter
from streaming.matching.rules import Rules
from streaming.matching.state import State

_accepted: Final = Accepted


def new(state: State, rules: Rules, fields: tuple[Any, ...]) -> None:
    """Take in an order, or say why not. `fields` are those of `NewOrder`, in its order."""
    order_id: int = fields[0]
    trader_id: int = fields[1]
    side: Side = fields[3]
    order_type: OrderType = fields[4]
    time_in_force: TimeInForce = fields[5]
    price: int | None = fields[6]
    stop_price: int | None = fields[7]
    display_quantity: int | None = fields[8]
    quantity: int = fields[9]
    expire_time: int | None = fields[10]
    post_only: bool = fields[11]
    prevention: SelfTradePrevention | None = fields[12]
    trader = state.trader(fields[1])
    if order_id <= trader.highest_id:
        state.reject(order_id, trader_id, "duplicate_id")
        return
    trader.highest_id = order_id
    reason = rules.fault(
        side,
        order_type,
        time_in_force,
        price,
        stop_price,
        display_quantity,
        quantity,
        expire_time,
        post_only,
        prevention,
        state.now,
    )
    if reason is None:
        reason = _hour_fault(state, time_in_force, stop_price is not None)
        if reason is None:
            reason = _price_fault(state, rules, price, quantity)
    if reason is not None:
        state.reject(order_id, trader_id, reason)
        return
    if prevention is None:
        prevention = trader.prevention
    simple = stop_price is None and display_quantity is None and prevention is None and not post_only
    simple = simple and expire_time is None
    order = Order(
        fields[0],
        trader,
        side == "buy",
        0 if price is None else price,
        0 if stop_price is None else stop_price,
        quantity,
        0 if display_quantity is None else display_quantity,
        time_in_force,
        0 if expire_time is None else expire_time,
        post_only,
        "" if prevention is None else prevention,
    )
    if post_only and state.matching and crosses(state, order, order.price):
        state.reject(order_id, trader_id, "would_cross")
        return
    order.arrival = order.place = state.next()
    state.events.append(
        _accepted(
            sequence=order.place,
            order_id=fields[0],
            trader_id=trader.trader_id,
            symbol=state.symbol,
            side=side,
            order_type=order_type,
            time_in_force=time_in_force,
            price=fields[6],
            quantity=fields[9],
            event_time=state.now,
        )
        if simple
        else _accepted(
            sequence=order.place,
            order_id=fields[0],
            trader_id=trader.trader_id,
            symbol=state.symbol,
            side=side,
            order_type=order_type,
            time_in_force=time_in_force,
            price=price,
            stop_price=stop_price,
            display_quantity=display_quantity,
            quantity=quantity,
            expire_time=expire_time,
            post_only=post_only,
            self_trade_prevention=prevention,
            event_time=state.now,
        )
    )
    enter(state, order)
    if order.left:
        state.keep(order)


def _hour_fault(state: State, time_in_force: str, stop: bool) -> Reason | None:
    if state.session == "closed":
        return "market_closed"
    if time_in_force == "gtc" or time_in_force == "day":
        return None
    if (time_in_force == "ioc" or time_in_force == "fok") and not state.matching:
        return None if stop else "no_continuous_trading"
    if time_in_force == "at_the_open" and state.session not in ("pre_open", "opening_auction"):
        return "auction_over"
    return None


def _price_fault(state: State, rules: Rules, price: int | None, quantity: int) -> Reason | None:
    if state.guarded:
        if not state.collared:
            return "no_reference_price"
        if price is not None and not state.lower <= price <= state.upper:
            return "price_outside_collar"
    if rules.max_notional:
        if price is None:
            price = state.upper if state.collared else state.last_price
        if price * quantity > rules.max_notional:
            return "notional_too_large"
    return None


def cancel(state: State, order_id: Any, trader_id: Any) -> None:
    """Take an order off."""
    order = state.order(trader_id, order_id)
    if order is None:
        state.reject(order_id, trader_id, "unknown_order")
    else:
        state.cancel(order, "requested")


def cancel_all(state: State, command: CancelAll) -> None:
    """Take all of a trader's orders off."""
    trader_id = command.trader_id
    trader = state.traders.get(trader_id)
    own = [] if trader is None else sorted(trader.orders.values(), key=lambda order: order.arrival)
    for order in own:
        state.cancel(order, "requested")
    state.events.append(
        MassCancelled(
            sequence=state.next(),
            trader_id=trader_id,
            symbol=state.symbol,
            orders=len(own),
            event_time=state.now,
        )
    )


def replace(state: State, rules: Rules, command: ReplaceOrder) -> None:
    """Change an order, or say why not."""
    order = state.order(command.trader_id, command.order_id)
    if order is None:
        state.reject(command.order_id, command.trader_id, "unknown_order")
        return
    if state.session == "closed":
        state.reject(command.order_id, command.trader_id, "market_closed")
        return
    reason = rules.replace_fault(command, order.price != 0, order.stop_price != 0)
    price = order.price if command.price is None else command.price
    stop_price = order.stop_price if command.stop_price is None else command.stop_price
    if reason is None:
        reason = _price_fault(state, rules, price or None, command.quantity)
    left = command.quantity - order.filled
    if reason is None and left > 0 and order.post_only and price != order.price and state.matching:
        reason = "would_cross" if crosses(state, order, price) else None
    if reason is not None:
        state.reject(command.order_id, command.trader_id, reason)
    elif left <= 0:
        state.cancel(order, "requested")
    elif price == order.price and stop_price == order.stop_price and left <= order.left:
        if order.where == ON_BOOK:
            state.book.side(order.buy).shrink(order, left)
        else:
            order.shrink(left)
        state.tell_replaced(order)
    else:
        state.withdraw(order)
        order.price, order.stop_price, order.left = price, stop_price, left
        state.tell_replaced(order)
        order.place = state.sequence
        enter(state, order)
