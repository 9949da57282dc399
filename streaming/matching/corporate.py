"""Splits and cash dividends: what they do to the orders and the prices of a symbol."""

from __future__ import annotations

from streaming.contracts.commands import DeclareAction
from streaming.contracts.events import ActionRefusal, CorporateAction
from streaming.matching.rules import Rules
from streaming.matching.state import State


def declare(state: State, rules: Rules, command: DeclareAction) -> None:
    """Take every order off and adjust what is remembered of prices, or refuse; docs/rule-book.md lists the checks."""
    reason = _fault(state, command)
    close = adjusted = 0
    if reason is None:
        for order in state.by_arrival():
            state.cancel(order, "corporate_action")
        close = state.last_price
        adjusted = state.last_price = _adjusted(close, command, rules.tick_size)
        if state.reference:
            state.reference = _adjusted(state.reference, command, rules.tick_size)
        state.high = state.low = 0  # trades at prices of before elect no stop order
        state.actions.append(command.action_id)
    state.events.append(
        CorporateAction(
            sequence=state.next(),
            action_id=command.action_id,
            symbol=state.symbol,
            kind=command.kind,
            ex_date=command.ex_date,
            status="effective" if reason is None else "refused",
            reason=reason,
            numerator=command.numerator,
            denominator=command.denominator,
            amount=command.amount,
            close_price=close or None,
            adjusted_price=adjusted or None,
            event_time=state.now,
        )
    )


def _fault(state: State, command: DeclareAction) -> ActionRefusal | None:
    if state.session != "closed":
        return "market_open"
    if command.action_id in state.actions:
        return "duplicate_action"
    if command.ex_date <= state.trading_date:
        return "ex_date_passed"
    up, down, amount = command.numerator, command.denominator, command.amount
    if command.kind == "split":
        if up is None or down is None or up == down or amount is not None:
            return "invalid_terms"
    elif amount is None or up is not None or down is not None:
        return "invalid_terms"
    if not state.last_price:
        return "no_last_price"
    if amount is not None and amount >= state.last_price:
        return "invalid_terms"
    return None


def _adjusted(price: int, command: DeclareAction, tick: int) -> int:
    """What a price of before is worth afterwards: the nearest tick, the upper of two equally near, one at least."""
    up, down = command.numerator or 1, command.denominator or 1
    worth = price * down - (command.amount or 0) * up  # times `up`
    return max((2 * worth + tick * up) // (2 * tick * up), 1) * tick
