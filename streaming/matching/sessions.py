"""Sessions, halts, auctions and timers: everything that is not a trader's doing."""

from __future__ import annotations

from typing import Final

from streaming.contracts.commands import SetSession
from streaming.contracts.money import MAX_INT64
from streaming.matching.auction import Interest, clear
from streaming.matching.bands import LAST_MINUTES, NEVER, SECOND, PriceBands
from streaming.matching.book import ON_BOOK, PARKED, WAITING, Book, Order
from streaming.matching.matching import bring_in, moved, settle
from streaming.matching.rules import Rules
from streaming.matching.state import State

Auction = tuple[int, int, int]
"""What an auction traded: the price, the shares, and in how many trades."""
NO_AUCTION: Final[Auction] = (0, 0, 0)
OPENING = ("pre_open", "opening_auction")
ENDS_AT_CLOSE = ("day", "at_the_open", "at_the_close")


def set_session(state: State, rules: Rules, command: SetSession) -> None:
    """Begin a session; docs/rule-book.md numbers the steps."""
    before, session = state.session, command.session
    auction = NO_AUCTION
    begins = session == "continuous" and not state.matching
    if (begins or (before == "closing_auction" and session == "closed")) and state.halt != "halted":
        auction = hold_auction(state, rules)
    if command.trading_date != state.trading_date:
        state.volume = 0
    state.session, state.trading_date = session, command.trading_date
    if state.halt == "paused":
        state.halt = ""
    _end_bands(state)
    state.band_reference = 0
    state.paused_until = NEVER
    _set_reference(state, rules, command)
    state.doubled_from = NEVER
    if session == "continuous" and command.close_time is not None:
        state.doubled_from = command.close_time - LAST_MINUTES
    state.matching = session == "continuous" and not state.halt
    if state.matching:
        _begin_bands(state, rules, auction)
    state.tell_status(auction[0], auction[1])
    if session == "closing_auction":
        _unpark(state)
    _expire(state)
    if state.matching:
        _drop_market_orders(state)
    if state.collared:
        _drop_outside_collar(state)
    if state.bands is not None:
        bring_in(state)


def _set_reference(state: State, rules: Rules, command: SetSession) -> None:
    state.guarded, state.collared, state.lower, state.upper = False, False, 1, MAX_INT64
    if command.session == "closed":
        return
    if command.reference_price is not None:
        state.reference = command.reference_price
    elif state.reference_date != command.trading_date or not state.reference:
        state.reference = state.last_price
    state.reference_date = command.trading_date
    state.guarded = rules.collar_bps != 0
    if state.reference and state.guarded:
        state.collared = True
        state.lower, state.upper = rules.collar(state.reference)


def _unpark(state: State) -> None:
    """Orders at the close join the closing auction."""
    for order in state.waiting(PARKED):
        if order.price:
            state.withdraw(order)
            order.show()
            state.book.side(order.buy).add(order)
        else:
            order.where = WAITING


def _expire(state: State) -> None:
    if state.session == "closed":
        for order in state.by_arrival():
            if order.time_in_force in ENDS_AT_CLOSE:
                state.expire(order)
    elif state.session == "continuous":
        _expire_at_the_open(state)


def _expire_at_the_open(state: State) -> None:
    for order in state.by_arrival():
        if order.time_in_force == "at_the_open":
            state.expire(order)


def _drop_market_orders(state: State) -> None:
    """Market orders that no auction filled."""
    for order in sorted(state.waiting(WAITING), key=lambda order: order.arrival):
        state.cancel(order, "unfilled_remainder")


def _drop_outside_collar(state: State) -> None:
    """What stands outside the collar could trade there: then no reservation would be safe."""
    for order in state.by_arrival():
        if order.where == ON_BOOK and not state.lower <= order.price <= state.upper:
            state.cancel(order, "price_outside_collar")


def halt(state: State) -> None:
    """Stop matching by hand."""
    state.halt = "halted"
    state.matching = False
    _end_bands(state)
    state.paused_until = NEVER
    state.tell_status()


def pause(state: State, rules: Rules) -> None:
    """A limit state has lasted too long."""
    state.halt = "paused"
    state.matching = False
    _end_bands(state)
    state.paused_until = state.now + rules.pause_seconds * SECOND
    state.tell_status()


def resume(state: State, rules: Rules) -> None:
    """End a halt or pause; in continuous trading by an auction."""
    auction = NO_AUCTION
    gathered = state.session == "continuous" and state.halt != ""
    if gathered:
        auction = hold_auction(state, rules)
    state.halt = ""
    state.paused_until = NEVER
    if gathered:
        state.matching = True
        _begin_bands(state, rules, auction)
    state.tell_status(auction[0], auction[1])
    if gathered and state.bands is not None:
        bring_in(state)


# Price bands


def _begin_bands(state: State, rules: Rules, auction: Auction) -> None:
    if not rules.luld_tier or not state.reference:
        return
    price, _, trades = auction
    reference = price or state.band_reference or state.reference
    doubled = state.now >= state.doubled_from
    bands = state.bands = PriceBands(rules, state.reference, reference, state.now, doubled)
    for _ in range(trades):
        bands.note(state.now, price)


def _end_bands(state: State) -> None:
    if state.bands is not None:
        state.band_reference = state.bands.reference
    state.bands = None
    state.limit_state = ""
    state.limit_until = NEVER


# Auctions


def interest(book: Book, waiting: list[Order]) -> Interest:
    """What takes part in an auction: the book, and market orders that wait."""
    return Interest(
        [(level.price, level.left) for level in book.bids.in_order()],
        [(level.price, level.left) for level in book.asks.in_order()],
        sum([order.left for order in waiting if order.buy]),
        sum([order.left for order in waiting if not order.buy]),
    )


def clearing(state: State, rules: Rules) -> tuple[int, int]:
    """The price and shares at which an auction would clear now; (0, 0) where nothing would trade."""
    reference = state.last_price or state.reference
    return clear(interest(state.book, state.waiting(WAITING)), reference, rules.tick_size, state.lower, state.upper)


def hold_auction(state: State, rules: Rules) -> Auction:
    """Trade at one price what can be, and take off what may not be left."""
    price, quantity = clearing(state, rules)
    trades = 0
    if quantity:
        waiting = state.waiting(WAITING)
        buys = [order for order in waiting if order.buy]
        buys += [order for order in state.book.bids if order.price >= price]
        sells = [order for order in waiting if not order.buy]
        sells += [order for order in state.book.asks if order.price <= price]
        trades = _allocate(state, buys, sells, price, quantity)
    _drop_market_orders(state)
    if state.session in OPENING:
        _expire_at_the_open(state)
    return price, quantity, trades


def _allocate(state: State, buys: list[Order], sells: list[Order], price: int, quantity: int) -> int:
    """Trade the heads of both lists against each other until `quantity` shares have; how many trades that took."""
    buy_at, sell_at, trades = 0, 0, 0
    while quantity:
        buy, sell = buys[buy_at], sells[sell_at]
        shares = min(buy.left, sell.left, quantity)
        assert shares > 0
        state.tell_auction_trade(buy, sell, price, shares)
        state.traded(price, shares)
        _fill(state, buy, shares)
        _fill(state, sell, shares)
        buy_at += not buy.left
        sell_at += not sell.left
        quantity -= shares
        trades += 1
    for order in buys[buy_at : buy_at + 1] + sells[sell_at : sell_at + 1]:  # all before them are done
        if order.where == ON_BOOK:
            state.book.side(order.buy).show_again(order)
    return trades


def _fill(state: State, order: Order, shares: int) -> None:
    if order.where == ON_BOOK:
        state.book.side(order.buy).fill_in_auction(order, shares)
    else:
        order.left -= shares
        order.filled += shares
    if not order.left:
        state.withdraw(order)
        state.forget(order)


# Timers


def run_timers(state: State, rules: Rules, until: int) -> None:
    """Fire what is due at or before `until`, in order."""
    while True:
        due = state.due()
        if due > until:
            return
        state.now = max(state.now, due)
        bands = state.bands
        if state.expiries and state.expiries[0][0] == due:
            state.expire(state.expiries[0][2])
        elif bands is not None and not bands.doubled and state.doubled_from == due:
            _double(state, bands)
        elif due == state.limit_until:
            pause(state, rules)
        else:
            resume(state, rules)
        settle(state)


def _double(state: State, bands: PriceBands) -> None:
    before = bands.lower, bands.upper
    bands.doubled = True
    bands.place()
    if before != (bands.lower, bands.upper):
        moved(state)
