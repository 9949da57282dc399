"""The form in which a market's state is saved: the fields of `State`, with the orders in priority order."""

from __future__ import annotations

from msgspec import Struct

from streaming.contracts.commands import SelfTradePrevention, Session

SavedRules = tuple[int, int, int, int, int, int, int, int, int]
"""The fields of `Rules`."""
SavedOrder = tuple[int, int, bool, int, int, int, int, int, int, str, int, bool, str, int, int, int]
"""Order id, trader id, buy, price, stop price, left, peak, shown, filled, time in force, expire time, post-only,
self-trade prevention, arrival, place, where."""


class SavedBands(Struct, array_like=True):
    """The fields of `PriceBands`. Its rules may be older than the symbol's."""

    rules: SavedRules
    day_reference: int
    reference: int
    since: int
    doubled: bool
    seconds: list[tuple[int, int, int]]


class Saved(Struct):
    """A market: the fields of `State`."""

    symbol: str
    bare: bool
    rules: SavedRules | None
    session: Session
    trading_date: str
    halt: str
    matching: bool
    now: int
    controlled: int
    sequence: int
    reference: int
    reference_date: str
    guarded: bool
    collared: bool
    lower: int
    upper: int
    last_price: int
    volume: int
    high: int
    low: int
    bands: SavedBands | None
    band_reference: int
    limit_state: str
    limit_until: int
    paused_until: int
    doubled_from: int
    highest_ids: dict[int, int]
    modes: dict[int, SelfTradePrevention]
    orders: list[SavedOrder]
    actions: list[str] = []
