"""What a holder of shares gets by a corporate action."""

from __future__ import annotations

from streaming.contracts.events import CorporateAction


def entitlement(action: CorporateAction, held: int) -> tuple[int, int]:
    """The change of cash, in 1/10,000 dollar, and of shares for who holds `held` shares when the action takes effect.

    A split gives whole shares, and for a fraction of one its part of the adjusted price, rounded down (cash in lieu).
    Who owes shares (`held` below zero) owes as much more as who has as many gets.
    """
    sign, shares = (-1, -held) if held < 0 else (1, held)
    if action.status != "effective":
        return 0, 0
    if action.kind == "cash_dividend":
        return sign * shares * (action.amount or 0), 0
    up, down = action.numerator or 1, action.denominator or 1
    whole, rest = divmod(shares * up, down)
    return sign * (rest * (action.adjusted_price or 0) // down), sign * (whole - shares)
