"""Continuous trading: an order that comes in trades with those that stand, and what follows from the trades."""

from __future__ import annotations

from bisect import insort
from typing import Final

from streaming.contracts.events import Trade, Triggered
from streaming.matching.bands import NEVER, SECOND
from streaming.matching.book import PARKED, STOP, WAITING, BookSide, Level, Order
from streaming.matching.state import State

_print: Final = Trade


def enter(state: State, order: Order) -> None:
    """Let an order go on as if it were new: wait, stand or match. It must stand nowhere."""
    if order.stop_price:
        if state.matching and _reached(state, order):
            trigger(state, order)
        else:
            order.where = STOP
            if order.buy:
                insort(state.buy_stops, (order.stop_price, order.place, order))
            else:
                insort(state.sell_stops, (-order.stop_price, order.place, order))
    elif order.time_in_force == "at_the_close" and state.session != "closing_auction":
        state.set_aside(order, PARKED)
    elif state.matching:
        take(state, order)
    elif order.price:
        order.show()
        state.book.side(order.buy).add(order)
    else:
        state.set_aside(order, WAITING)


def _reached(state: State, order: Order) -> bool:
    last = state.last_price
    if not last:
        return False
    return last >= order.stop_price if order.buy else last <= order.stop_price


def trigger(state: State, order: Order) -> None:
    """A stop order goes on as a market or limit order."""
    order.stop_price = 0
    state.events.append(
        Triggered(
            sequence=state.next(),
            order_id=order.order_id,
            trader_id=order.trader_id,
            symbol=state.symbol,
            event_time=state.now,
        )
    )
    take(state, order)


def take(state: State, order: Order) -> None:
    """Match an order that comes in; what is left of it stands on the book or is cancelled."""
    limit = bound(state, order)
    rests = order.rests
    if rests and limit != order.price:
        order.price = limit
        state.tell_replaced(order, by_band=True)
        order.place = state.sequence
    if order.time_in_force == "fok" and _available(state, order, limit) < order.left:
        state.cancel(order, "unfilled_remainder")
        return
    _match(state, order, limit)
    if not order.left:
        state.forget(order)
    elif rests:
        order.show()
        state.book.side(order.buy).add(order)
        assert not state.book.crossed(), f"{state.symbol} is crossed after sequence {state.sequence}"
    else:
        state.cancel(order, "unfilled_remainder")


def bound(state: State, order: Order) -> int:
    """The worst price at which an order may trade now: its limit, the collar, the price band; 0 for any price."""
    limit, bands = order.price, state.bands
    if order.buy:
        if not limit and state.collared:
            limit = state.upper
        return min(limit or bands.upper, bands.upper) if bands is not None else limit
    if not limit and state.collared:
        limit = state.lower
    return max(limit, bands.lower) if bands is not None else limit


def crosses(state: State, order: Order, price: int) -> bool:
    """Whether an order with this price could trade at once."""
    best = state.book.side(not order.buy).best()
    if best is None:
        return False
    bands = state.bands
    if order.buy:
        return best.price <= (price if bands is None else min(price, bands.upper))
    return best.price >= (price if bands is None else max(price, bands.lower))


def _match(state: State, order: Order, limit: int) -> None:
    makers = state.book.asks if order.buy else state.book.bids
    worst = makers.rank(limit)
    owner, prevention = order.owner, order.prevention
    prevents = prevention != "" and prevention != "none"
    while order.left:
        level = makers.best()
        if level is None or (limit and level.rank > worst):
            return
        maker = level.first
        while maker is not None and order.left:
            if prevents and maker.owner is owner:
                _prevent(state, order, maker, makers)
            else:
                _trade(state, order, maker, level, makers)
            maker = level.first


def _trade(state: State, order: Order, maker: Order, level: Level, makers: BookSide) -> None:
    shares = min(order.left, maker.shown)
    assert shares > 0
    buy = order.buy
    sequence = state.next()
    state.events.append(
        _print(
            sequence=sequence,
            trade_id=state.prefix + str(sequence),
            symbol=state.symbol,
            price=level.price,
            quantity=shares,
            maker_order_id=maker.order_id,
            taker_order_id=order.order_id,
            buyer_id=order.trader_id if buy else maker.trader_id,
            seller_id=maker.trader_id if buy else order.trader_id,
            aggressor_side="buy" if buy else "sell",
            event_time=state.now,
        )
    )
    state.traded(level.price, shares)
    order.left -= shares
    order.filled += shares
    makers.fill(level, maker, shares)
    if not maker.left:
        state.forget(maker)


def _prevent(state: State, order: Order, maker: Order, makers: BookSide) -> None:
    mode = order.prevention
    if mode == "decrement_and_cancel":
        shares = min(order.left, maker.left)
        state.tell_cancelled(maker, shares, "self_trade_prevention")
        makers.shrink(maker, maker.left - shares)
        if not maker.left:
            state.forget(maker)
        state.tell_cancelled(order, shares, "self_trade_prevention")
        order.shrink(order.left - shares)
        return
    if mode != "cancel_newest":
        state.cancel(maker, "self_trade_prevention")
    if mode != "cancel_oldest":
        state.cancel(order, "self_trade_prevention")


def _available(state: State, order: Order, limit: int) -> int:
    """The shares that a fill-or-kill order could have at once, hidden ones included, up to what it needs."""
    makers = state.book.asks if order.buy else state.book.bids
    worst, needed, found = makers.rank(limit), order.left, 0
    prevents = order.prevention not in ("", "none")
    for level in makers.in_order():
        if (limit and level.rank > worst) or found >= needed:
            break
        if not prevents:
            found += level.left
            continue
        others, before = 0, 0  # what is left at this price; what is shown before the first of its own
        maker = level.first
        while maker is not None:
            if maker.owner is not order.owner:
                others += maker.left
                before += maker.shown
            elif order.prevention != "cancel_oldest":
                return found + before  # hidden parts come behind
            maker = maker.newer
        found += others
    return found


def settle(state: State) -> None:
    """What follows from a command or timer, where the market matches: stops, price band, limit state."""
    if not state.matching:
        return
    if state.high:
        while (stop := _elected(state)) is not None:
            state.withdraw(stop)
            trigger(state, stop)
        state.high = state.low = 0
    if state.bands is not None:
        if not state.limit_state and state.bands.renew(state.now):
            moved(state)
        _watch_limit(state)


def _elected(state: State) -> Order | None:
    if state.buy_stops and state.buy_stops[0][0] <= state.high:
        return state.buy_stops[0][2]
    if state.sell_stops and -state.sell_stops[0][0] >= state.low:
        return state.sell_stops[0][2]
    return None


def moved(state: State) -> None:
    """Tell a price band that is new, and bring in the orders that are more aggressive than it."""
    state.tell_status()
    bring_in(state)


def bring_in(state: State) -> None:
    """Move the orders that are more aggressive than the price band to it."""
    bands = state.bands
    assert bands is not None
    bids, asks = state.book.bids, state.book.asks
    bid, ask = bids.best(), asks.best()
    if (bid is None or bid.price <= bands.upper) and (ask is None or ask.price >= bands.lower):
        return
    outside = [order for order in bids if order.price > bands.upper]
    outside += [order for order in asks if order.price < bands.lower]
    for order in sorted(outside, key=lambda order: order.arrival):
        side = state.book.side(order.buy)
        side.remove(order)
        order.price = bands.upper if order.buy else bands.lower
        state.tell_replaced(order, by_band=True)
        order.place = state.sequence
        order.show()
        side.add(order)


def _watch_limit(state: State) -> None:
    bands, rules = state.bands, state.rules
    assert bands is not None
    assert rules is not None
    bid, ask = state.book.bids.best(), state.book.asks.best()
    limit = ""
    if bid is not None and bid.price == bands.upper:
        limit = "upper"
    elif ask is not None and ask.price == bands.lower:
        limit = "lower"
    if limit != state.limit_state:
        state.limit_state = limit
        state.limit_until = state.now + rules.limit_state_seconds * SECOND if limit else NEVER
        state.tell_status()
