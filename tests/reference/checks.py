"""Why a command of a trader is refused: the checks, in the order of the rule book."""

from __future__ import annotations

from collections.abc import Iterator

from streaming.contracts.commands import DeclareAction, NewOrder, ReplaceOrder
from streaming.contracts.money import MAX_INT64
from tests.reference.order import Order
from tests.reference.sessions import Sessions

YEAR_2100 = 4_102_444_800_000_000
MODES = ("none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement_and_cancel")
Checks = Iterator[tuple[str, bool]]
"""Reason codes and whether the check is passed."""


def refusal(checks: Checks) -> str | None:
    """The reason of the first check that fails. The later ones are then not even worked out."""
    for reason, passed in checks:
        if not passed:
            return reason
    return None


def of_new(market: Sessions, order: NewOrder, highest_id: int) -> Checks:
    kind, force = order.order_type, order.time_in_force
    limited, stops = kind in ("limit", "stop_limit"), kind in ("stop", "stop_limit")
    yield "duplicate_id", order.order_id > highest_id

    yield "invalid_side", order.side in ("buy", "sell")
    yield "invalid_order_type", kind in ("limit", "market", "stop", "stop_limit")
    yield "invalid_time_in_force", force in ("day", "gtc", "gtd", "ioc", "fok", "at_the_open", "at_the_close")
    yield "invalid_time_in_force", not (stops and force in ("at_the_open", "at_the_close"))

    yield from of_quantity(market, order.quantity)

    yield "invalid_price", (order.price is not None) == limited
    yield from of_price(market, order.price, "invalid_price", "price_not_on_tick")
    yield "invalid_stop_price", (order.stop_price is not None) == stops
    yield from of_price(market, order.stop_price, "invalid_stop_price", "stop_price_not_on_tick")

    display = order.display_quantity
    lot = market.rules.lot_size if market.rules else 1
    yield "invalid_display_quantity", display is None or (limited and 1 <= display <= order.quantity)
    yield "invalid_display_quantity", display is None or display % lot == 0
    yield "invalid_expire_time", (order.expire_time is not None) == (force == "gtd")
    yield "invalid_expire_time", order.expire_time is None or market.now < order.expire_time <= YEAR_2100
    yield "invalid_post_only", not order.post_only or (kind == "limit" and force in ("day", "gtc", "gtd"))
    yield "invalid_self_trade_prevention", order.self_trade_prevention in (None, *MODES)

    yield "market_closed", market.session != "closed"
    at_once = kind in ("limit", "market") and force in ("ioc", "fok")
    yield "no_continuous_trading", market.matches or not at_once
    yield "auction_over", force != "at_the_open" or market.session in ("pre_open", "opening_auction")

    yield from of_value(market, order.price, order.quantity)


def of_replace(market: Sessions, order: Order, command: ReplaceOrder) -> Checks:
    yield "market_closed", market.session != "closed"
    yield from of_quantity(market, command.quantity)
    yield "invalid_price", command.price is None or order.price is not None
    yield from of_price(market, command.price, "invalid_price", "price_not_on_tick")
    yield "invalid_stop_price", command.stop_price is None or order.stop_price is not None
    yield from of_price(market, command.stop_price, "invalid_stop_price", "stop_price_not_on_tick")
    price = order.price if command.price is None else command.price
    yield from of_value(market, price, command.quantity)


def of_quantity(market: Sessions, quantity: int) -> Checks:
    yield "invalid_quantity", 1 <= quantity <= MAX_INT64
    if market.rules:
        yield "quantity_too_large", quantity <= market.rules.max_quantity
        yield "quantity_not_on_lot", quantity % market.rules.lot_size == 0


def of_price(market: Sessions, price: int | None, invalid: str, off_tick: str) -> Checks:
    if price is not None:
        yield invalid, 1 <= price <= MAX_INT64
        yield off_tick, price % market.tick == 0


def of_value(market: Sessions, price: int | None, quantity: int) -> Checks:
    if market.referenced:
        yield "no_reference_price", market.reference is not None
    if market.collar and price is not None:
        yield "price_outside_collar", market.collar[0] <= price <= market.collar[1]
    at_most = price
    if at_most is None:
        at_most = market.collar[1] if market.collar else market.last_price
    if market.rules and market.rules.max_notional is not None and at_most is not None:
        yield "notional_too_large", at_most * quantity <= market.rules.max_notional


def of_action(market: Sessions, used: set[str], action: DeclareAction) -> Checks:
    yield "market_open", market.session == "closed"
    yield "duplicate_action", action.action_id not in used
    yield "ex_date_passed", action.ex_date > market.date

    ratio, amount = (action.numerator, action.denominator), action.amount
    split, pays = action.kind == "split", action.kind == "cash_dividend"
    yield "invalid_terms", not split or (None not in ratio and ratio[0] != ratio[1] and amount is None)
    yield "invalid_terms", not pays or (ratio == (None, None) and amount is not None)
    yield "no_last_price", market.last_price is not None
    yield "invalid_terms", not pays or (amount or 0) < (market.last_price or 0)
