"""About as little as an order book in Python can do: what a pure Python book can reach at most.

It checks nothing, knows no traders, sessions or self-trades, numbers nothing and reports only trades. A cancelled order
stays where it is, with quantity 0, until the price comes to it: it is found dead then.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

Resting = list[int]
"""Order id, quantity left: a list because it is cheaper than an object."""


class Book:
    """A heap of prices and a queue for each price, on both sides. Prices of bids are negative: the lowest is best."""

    def __init__(self) -> None:
        self.heaps: tuple[list[int], list[int]] = ([], [])
        self.levels: tuple[dict[int, deque[Resting]], dict[int, deque[Resting]]] = ({}, {})
        self.orders: dict[int, Resting] = {}

    def add(self, order_id: int, buy: bool, price: int | None, quantity: int) -> list[tuple[int, int, int]]:
        """Match an order (a market order has no price) and let the rest stand; its fills: price, quantity, maker."""
        heap, levels = self.heaps[buy], self.levels[buy]  # the other side's: asks are at index 1
        limit = None if price is None else price if buy else -price
        fills = []
        while heap and (limit is None or heap[0] <= limit):
            key = heap[0]
            level = levels[key]
            while level:
                maker = level[0]
                if maker[1] > quantity:
                    if quantity:
                        maker[1] -= quantity
                        fills.append((abs(key), quantity, maker[0]))
                    return fills
                level.popleft()
                if maker[1]:
                    quantity -= maker[1]
                    fills.append((abs(key), maker[1], maker[0]))
                    del self.orders[maker[0]]
            heappop(heap)
            del levels[key]
        if quantity and price is not None:
            key = -price if buy else price
            levels = self.levels[not buy]
            order = self.orders[order_id] = [order_id, quantity]
            if key in levels:
                levels[key].append(order)
            else:
                levels[key] = deque((order,))
                heappush(self.heaps[not buy], key)
        return fills

    def cancel(self, order_id: int) -> bool:
        """Take an order off; whether it was there."""
        order = self.orders.pop(order_id, None)
        if order is None:
            return False
        order[1] = 0
        return True
