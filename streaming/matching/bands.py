"""Price bands, limit up and limit down, after the US National Market System plan (docs/rule-book.md).

The plan: "Plan to Address Extraordinary Market Volatility Pursuant to Rule 608 of Regulation NMS", section V and
appendix A, as amended.
"""

from __future__ import annotations

from typing import Final

from streaming.matching.rules import BPS, Rules

SECOND: Final = 1_000_000
WINDOW: Final = 300
"""Seconds of trades that make the reference price."""
HOLD: Final = 30 * SECOND
"""Microseconds that a reference price is held at least."""
LAST_MINUTES: Final = 25 * 60 * SECOND
"""Microseconds before the close in which bands are doubled."""
THREE_DOLLARS: Final = 30_000
LOW_PRICE: Final = 7_500
LEAST_WIDTH: Final = 1_500
"""0.15 dollar: the width below 0.75 dollar, if 75 % is not less."""
NEVER: Final = 2**60
"""A time that does not come: small enough to be a machine word where this is compiled."""


class PriceBands:
    """The band of a symbol while it matches. `day_reference` tells the percentage, `reference` is its middle."""

    def __init__(self, rules: Rules, day_reference: int, reference: int, now: int, doubled: bool) -> None:
        self.rules = rules
        self.day_reference = day_reference
        self.reference = reference
        self.since = now
        self.doubled = doubled
        self.lower = 0
        self.upper = 0
        self.seconds: list[tuple[int, int, int]] = []
        """Trades by the second: the second, the sum of their prices, how many."""
        self.total = 0
        self.count = 0
        self.place()

    def place(self) -> None:
        """Put the bounds around the reference."""
        middle, width, tick = self.reference * BPS, self._width(), self.rules.tick_size
        self.lower = max(tick, _nearest(middle - width, tick))
        self.upper = _nearest(middle + width, tick)

    def _width(self) -> int:
        """In units of 1/BPS of a price unit, so that it is exact."""
        rules, day = self.rules, self.day_reference
        times = 2 if self.doubled and (rules.luld_tier == 1 or day <= THREE_DOLLARS) else 1
        if rules.luld_bps:
            return times * rules.luld_bps * self.reference
        if day > THREE_DOLLARS:
            return times * (500 if rules.luld_tier == 1 else 1_000) * self.reference
        if day >= LOW_PRICE:
            return times * 2_000 * self.reference
        return times * min(LEAST_WIDTH * BPS, 7_500 * self.reference)

    def note(self, now: int, price: int) -> None:
        """Remember a trade."""
        second, seconds = now // SECOND, self.seconds
        if seconds and seconds[-1][0] == second:
            _, total, count = seconds[-1]
            seconds[-1] = (second, total + price, count + 1)
        else:
            seconds.append((second, price, 1))
        self.total += price
        self.count += 1

    def renew(self, now: int) -> bool:
        """Take the mean of the last trades as the reference, if the plan lets it; whether it did."""
        if now - self.since < HOLD:
            return False
        seconds, oldest = self.seconds, now // SECOND - WINDOW
        while seconds and seconds[0][0] <= oldest:
            _, total, count = seconds.pop(0)
            self.total -= total
            self.count -= count
        if not self.count:
            return False
        mean = (2 * self.total + self.count) // (2 * self.count)
        if abs(mean - self.reference) * 100 < self.reference:
            return False
        self.reference = mean
        self.since = now
        self.place()
        return True


def _nearest(scaled: int, tick: int) -> int:
    """The tick nearest to a price times BPS, half up."""
    step = BPS * tick
    return (2 * scaled + step) // (2 * step) * tick
