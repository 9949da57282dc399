"""The portfolio marts worked out a second time, entry by entry, from the small market's ledger.

Money is in whole units of 1/10,000 dollar, as in the market's rows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from tests.integration.small_market import NEW_YORK, Market, half_up

Key = tuple[int, str, date]


@dataclass
class Holding:
    """What one trader has of one symbol: by average cost, and as lots of [shares, cost, sold], the oldest first."""

    shares: int = 0
    average_cost: int = 0
    lots: deque[list[int]] = field(default_factory=deque)

    def take(self, shares: int, price: int) -> None:
        self.shares += shares
        self.average_cost += shares * price
        self.lots.append([shares, shares * price, 0])

    def give(self, shares: int) -> tuple[int, int]:
        """What the shares that go have cost: by average, and of the oldest."""
        average = half_up(Fraction(self.average_cost * shares, self.shares))
        self.shares -= shares
        self.average_cost -= average
        oldest = 0
        while shares:
            lot = self.lots[0]
            part = min(shares, lot[0] - lot[2])
            oldest += cost_left(lot)
            lot[2] += part
            shares -= part
            if lot[2] == lot[0]:
                self.lots.popleft()
            else:
                oldest -= cost_left(lot)
        return average, oldest

    def split(self, change: int) -> None:
        """What is left of each lot keeps its cost; where it ends, counted from the oldest share, is rounded down."""
        after, counted, ends = self.shares + change, 0, 0
        for lot in self.lots:
            counted += lot[0] - lot[2]
            end = counted * after // self.shares
            lot[:] = [end - ends, cost_left(lot), 0]
            ends = end
        self.shares = after


def cost_left(lot: list[int]) -> int:
    shares, cost, sold = lot
    return cost - half_up(Fraction(cost * sold, shares)) if sold else cost


def attribution(market: Market) -> dict[Key, dict[str, int]]:
    """Every holding on every day, in the mart's columns."""
    entries: dict[Key, list[dict[str, Any]]] = {}
    for row in market.updates:
        if row["symbol"]:
            day = max(market.days[0], day_of(row["event_time"]))  # what was endowed before the first day
            entries.setdefault((row["trader_id"], row["symbol"], day), []).append(row)
    holdings: dict[tuple[int, str], Holding] = {}
    found = {}
    for number, day in enumerate(market.days):
        for trader, symbol in sorted({key[:2] for key in entries}):
            holding = holdings.setdefault((trader, symbol), Holding())
            before = market.closes[market.days[number - 1], symbol] if number else 0
            of_day = entries.get((trader, symbol, day), [])
            if of_day or holding.shares:
                price = market.closes[day, symbol]
                found[trader, symbol, day] = one_day(holding, of_day, before, market.references[day, symbol], price)
    return found


def one_day(holding: Holding, entries: list[dict[str, Any]], before: int, reference: int, price: int) -> dict[str, int]:
    """The holding through the entries of a day, which closes at `price`; the day before closed at `before`."""
    row = {
        "opening_shares": holding.shares, "opening_value": holding.shares * before, "bought_shares": 0, "bought": 0,
        "sold_shares": 0, "sold": 0, "realised": 0, "fifo_realised": 0,
        "price_effect": holding.shares * (price - before), "trading_effect": 0, "dividends": 0,
    }  # fmt: skip
    for entry in entries:
        shares, paid = entry["quantity_change"], -entry["cash_change"]
        if entry["entry_id"].startswith(("split", "dividend")):
            if shares:
                holding.split(shares)
            row["opening_shares"] += shares
            row["price_effect"] += shares * price
            row["dividends"] -= paid
            continue
        if entry["trade_id"] is None:
            holding.take(shares, reference)
            row["opening_shares"] += shares
            row["opening_value"] += shares * reference
            row["price_effect"] += shares * (price - reference)
            continue
        row["trading_effect"] += shares * price - paid
        if shares > 0:
            holding.take(shares, paid // shares)
            row["bought_shares"] += shares
            row["bought"] += paid
        else:
            average, oldest = holding.give(-shares)
            row["sold_shares"] -= shares
            row["sold"] -= paid
            row["realised"] += -paid - average
            row["fifo_realised"] += -paid - oldest
    return {
        **row, "shares": holding.shares, "price": price, "market_value": holding.shares * price,
        "average_cost": holding.average_cost, "fifo_cost": sum(map(cost_left, holding.lots)),
    }  # fmt: skip


def day_of(moment: int) -> date:
    return datetime.fromtimestamp(moment / 1_000_000, UTC).astimezone(NEW_YORK).date()
