"""What corporate actions gave to each trader, worked out anew from what was held when they took effect."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pyarrow.compute as pc

Flows = list[tuple[int, str, int]]
"""(trader, asset, amount)."""


def flows(actions: pa.Table, deals: pa.Table, endowments: pa.Table, cash: str) -> Flows:
    """The changes of cash and shares, action after action of each symbol.

    A split of `held` shares leaves the whole part of held * numerator / denominator, and pays the fraction at the
    adjusted price, rounded down; a dividend pays its amount on each share.
    """
    found: Flows = []
    effective = actions.filter(pc.equal(actions["status"], "effective")).sort_by("sequence")
    for symbol in effective["symbol"].unique().to_pylist():
        held: dict[int, int] = defaultdict(int)
        first = endowments.filter(pc.equal(endowments["asset"], symbol))
        for trader, amount in zip(first["trader_id"].to_pylist(), first["amount"].to_pylist(), strict=True):
            held[trader] += amount
        mine = deals.filter(pc.equal(deals["symbol"], symbol))
        before = 0
        for action in effective.filter(pc.equal(effective["symbol"], symbol)).to_pylist():
            since = pc.and_(pc.greater(mine["sequence"], before), pc.less(mine["sequence"], action["sequence"]))
            before = action["sequence"]
            for side, sign in (("buyer_id", 1), ("seller_id", -1)):
                sums = mine.filter(since).group_by(side).aggregate([("quantity", "sum")])
                for trader, total in zip(sums[side].to_pylist(), sums["quantity_sum"].to_pylist(), strict=True):
                    held[trader] += sign * total
            for trader, shares in held.items():
                if action["kind"] == "cash_dividend":
                    found.append((trader, cash, shares * action["amount"]))
                    continue
                numerator, denominator = action["numerator"], action["denominator"]
                whole = abs(shares) * numerator // denominator
                fraction = abs(shares) * numerator - whole * denominator
                sign = -1 if shares < 0 else 1
                found.append((trader, cash, sign * (fraction * action["adjusted_price"] // denominator)))
                found.append((trader, symbol, sign * whole - shares))
                held[trader] = sign * whole
    return found
