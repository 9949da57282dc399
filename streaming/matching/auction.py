"""The price at which a call auction clears.

Four rules in turn, as the exchanges' own rule books have them (greatest executable volume, least surplus, market
pressure, reference price: ASX operating rules procedures, 4.8; Xetra market model, 9.2). Every tick is a candidate, but
demand and supply only change at the limits of orders: between two limits one candidate stands for all.
"""

from __future__ import annotations

from typing import Final

NOTHING: Final = (0, 0)


class Interest:
    """What takes part: market orders, and limit orders by price, in shares."""

    def __init__(
        self, bids: list[tuple[int, int]], asks: list[tuple[int, int]], market_buys: int, market_sells: int
    ) -> None:
        self.bids = bids
        self.asks = asks
        self.market_buys = market_buys
        self.market_sells = market_sells


def clear(interest: Interest, reference: int, tick: int, lower: int, upper: int) -> tuple[int, int]:
    """The clearing price and the shares that trade at it; (0, 0) where nothing trades.

    `reference` is 0 where there is none; the price lies within `lower` and `upper`.
    """
    anchor = anchored(reference, tick, lower, upper)
    limits = {price for price, _ in interest.bids} | {price for price, _ in interest.asks}
    if anchor and (interest.market_buys or interest.market_sells):
        limits.add(anchor)
    points = sorted(limits)
    demand = interest.market_buys + sum(quantity for _, quantity in interest.bids)
    supply = interest.market_sells
    bids, asks = dict(interest.bids), dict(interest.asks)
    most, least = 0, 0
    spans: list[tuple[int, int, int]] = []  # the best so far: first and last candidate, and their surplus
    for number, price in enumerate(points):
        supply += asks.get(price, 0)
        found = [(price, price, demand, supply)]
        demand -= bids.get(price, 0)
        if number + 1 < len(points) and price + tick < points[number + 1]:
            found.append((price + tick, points[number + 1] - tick, demand, supply))
        for first, last, wanted, offered in found:
            shares, surplus = min(wanted, offered), wanted - offered
            if shares > most or (shares == most and abs(surplus) < least):
                most, least, spans = shares, abs(surplus), []
            if shares == most and abs(surplus) == least:
                spans.append((first, last, surplus))
    if not most:
        return NOTHING
    return _chosen(spans, anchor, tick), most


def anchored(reference: int, tick: int, lower: int, upper: int) -> int:
    """A reference as a price that is allowed: on the nearest tick, the upper of two, within the bounds; 0 for 0."""
    if not reference:
        return 0
    return min(max((2 * reference + tick) // (2 * tick) * tick, lower), upper)


def _chosen(spans: list[tuple[int, int, int]], anchor: int, tick: int) -> int:
    """One of the candidates that trade as much with as little left over."""
    if all(surplus > 0 for _, _, surplus in spans):
        return max(last for _, last, _ in spans)
    if all(surplus < 0 for _, _, surplus in spans):
        return min(first for first, _, _ in spans)
    near = anchor or min(first for first, _, _ in spans)
    nearest = [min(max(near, first), last) for first, last, _ in spans]
    return min(nearest, key=lambda price: (abs(price - near), -price))
