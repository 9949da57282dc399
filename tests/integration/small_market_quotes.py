"""What the small market's marts of liquidity are made of: quotes, book snapshots and order events around its trades.

They are drawn apart from the trades, so that these stay as they are.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from datetime import date, time
from typing import Any

from tests.integration.small_market import MINUTE, SYMBOLS, TRADERS, Market, micros

CENT = 100


def add_quotes(market: Market, seed: int = 11) -> None:
    """Fill the market's prices, snapshots and order events."""
    dice = random.Random(seed)
    for symbol in SYMBOLS:
        feed = sorted(
            (row for row in market.trades + market.statuses if row["symbol"] == symbol), key=lambda row: row["sequence"]
        )
        times = [row["event_time"] for row in feed]
        for day in market.days:
            opening, closing = micros(day, time(9, 30)), micros(day, time(15, 55))
            for at in sorted([opening, *dice.sample(range(opening, closing, 1_000_000), 20)]):
                market.prices.append(quote(market, feed[: bisect_right(times, at)], day, at, dice))
            over = next(row for row in feed if (row["event_time"], row.get("session")) == (closing, "closing_auction"))
            market.prices.append(
                {"symbol": symbol, "last_sequence": over["sequence"], "volume": 0, "event_time": closing}
            )
            for at in sorted(dice.sample(range(opening, closing + 4 * MINUTE, 1_000_000), 5)):
                market.snapshots += snapshot(symbol, feed[bisect_right(times, at) - 1]["sequence"], at, dice)
            market.order_events += order_events(symbol, opening, dice)


def quote(market: Market, feed: list[dict[str, Any]], day: date, at: int, dice: random.Random) -> dict[str, Any]:
    """Best bid and ask after `feed`, some cents from its last price; now and then nothing is offered."""
    symbol = feed[-1]["symbol"]
    price = next((row["price"] for row in reversed(feed) if "price" in row), market.references[day, symbol])
    ask = {"ask_price": price + dice.randrange(1, 9) * CENT, "ask_quantity": 1} if dice.random() < 0.9 else {}
    return {
        "symbol": symbol, "last_sequence": feed[-1]["sequence"], "bid_price": price - dice.randrange(1, 9) * CENT,
        "bid_quantity": 1, "volume": 0, "event_time": at, **ask,
    }  # fmt: skip


def snapshot(symbol: str, sequence: int, at: int, dice: random.Random) -> list[dict[str, Any]]:
    """The book in two parts: up to seven prices a side, more than one order at some."""
    orders = [
        {
            "order_id": number, "trader_id": dice.choice(TRADERS), "side": side, "quantity": dice.randrange(50, 100),
            "price_units": 100_0000 + dice.randrange(1, 8) * (-CENT if side == "buy" else CENT),
            "shown_quantity": dice.choice([None, 10]),
        }
        for number, side in enumerate(["buy"] * 9 + ["sell"] * 9)
    ]  # fmt: skip
    return [
        {"symbol": symbol, "last_sequence": sequence, "part": part, "parts": 2, "orders": some, "event_time": at}
        for part, some in enumerate([orders[:6], orders[6:]], 1)
    ]


def order_events(symbol: str, at: int, dice: random.Random) -> list[dict[str, Any]]:
    """Some of each kind, those that are not a trader's message too."""
    kinds = [("accepted", None), ("replaced", None), ("replaced", "price_band"), ("cancelled", "requested")]
    kinds += [("cancelled", "unfilled_remainder"), ("expired", None), ("rejected", "invalid_price")]
    return [
        {"event": event, "reason": reason, "order_id": 1, "trader_id": 1001, "symbol": symbol, "event_time": at}
        for event, reason in dice.choices(kinds, k=40)
    ]
