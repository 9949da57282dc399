"""The auction: every price is tried."""

from __future__ import annotations

from tests.reference.order import Order, priority


def clearing(orders: list[Order], tick: int, reference: int | None) -> tuple[int, int] | None:
    """The price of an auction and the shares it trades, or None where nothing can trade."""
    limits = [order.limit() for order in orders if order.price is not None]
    ends = list(limits)
    if reference is not None and len(limits) < len(orders):  # a market order waits
        ends.append(reference)
    if not ends:
        return None
    # After a change of the tick, orders may stand off the ticks: their prices are tried as well.
    ticks = range(-(-min(ends) // tick) * tick, max(ends) + 1, tick)
    candidates = sorted({*ticks, *limits})

    most = max(executable(orders, price) for price in candidates)
    if most == 0:
        return None
    candidates = [price for price in candidates if executable(orders, price) == most]

    least = min(abs(surplus(orders, price)) for price in candidates)
    candidates = [price for price in candidates if abs(surplus(orders, price)) == least]

    if all(surplus(orders, price) > 0 for price in candidates):
        return candidates[-1], most
    if all(surplus(orders, price) < 0 for price in candidates):
        return candidates[0], most

    aim = candidates[0] if reference is None else reference
    return min(candidates, key=lambda price: (abs(price - aim), -price)), most


def demand(orders: list[Order], price: int) -> int:
    """What would be bought at that price."""
    return sum(o.left for o in orders if o.side == "buy" and (o.price is None or o.price >= price))


def supply(orders: list[Order], price: int) -> int:
    """What would be sold at that price."""
    return sum(o.left for o in orders if o.side == "sell" and (o.price is None or o.price <= price))


def executable(orders: list[Order], price: int) -> int:
    return min(demand(orders, price), supply(orders, price))


def surplus(orders: list[Order], price: int) -> int:
    return demand(orders, price) - supply(orders, price)


def filled(orders: list[Order], side: str, quantity: int) -> list[tuple[Order, int]]:
    """Whose orders of one side are filled, and how far: market orders first, then the best price first."""
    at_market = sorted((o for o in orders if o.side == side and o.price is None), key=lambda o: o.place)
    limited = sorted((o for o in orders if o.side == side and o.price is not None), key=priority)
    found = []
    for order in at_market + limited:
        shares = min(order.left, quantity)
        if shares:
            found.append((order, shares))
        quantity -= shares
    return found


def pairs(buys: list[tuple[Order, int]], sells: list[tuple[Order, int]]) -> list[tuple[Order, Order, int]]:
    """The two lists traded against each other from their heads: buyer, seller, shares."""
    buys, sells, found = list(buys), list(sells), []
    while buys and sells:
        (buy, may_buy), (sell, may_sell) = buys.pop(0), sells.pop(0)
        shares = min(may_buy, may_sell)
        found.append((buy, sell, shares))
        if may_buy > shares:
            buys.insert(0, (buy, may_buy - shares))
        if may_sell > shares:
            sells.insert(0, (sell, may_sell - shares))
    return found
