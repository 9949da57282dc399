"""What a symbol allows: tick, lot, greatest quantity, and the band of prices of a day."""

from __future__ import annotations

from msgspec import Struct

from streaming.contracts.commands import DefineInstrument, NewOrder
from streaming.contracts.events import Reason
from streaming.contracts.money import CENT, MAX_INT64

BPS = 10_000
"""Basis points in a whole."""


class Rules(Struct, frozen=True, kw_only=True):
    """The rules of a symbol. `tick_size` in 1/10,000 dollar; without `collar_bps` every price is allowed."""

    tick_size: int = CENT
    lot_size: int = 1
    max_quantity: int = MAX_INT64
    collar_bps: int | None = None

    @classmethod
    def of(cls, command: DefineInstrument) -> Rules:
        """The rules that a command asks for."""
        return cls(
            tick_size=command.tick_size,
            lot_size=command.lot_size,
            max_quantity=command.max_quantity,
            collar_bps=command.collar_bps,
        )

    def band(self, reference_price: int) -> Band | None:
        """The prices within `collar_bps` of the reference, rounded inwards to ticks; None without a collar."""
        if self.collar_bps is None:
            return None
        step = BPS * self.tick_size
        lower = -(-reference_price * (BPS - self.collar_bps) // step) * self.tick_size
        upper = reference_price * (BPS + self.collar_bps) // step * self.tick_size
        return Band(lower, upper)

    def fault(self, order: NewOrder) -> Reason | None:
        """The first thing that is wrong with an order, whatever the hour; `market` lists the checks in order."""
        if order.side not in ("buy", "sell"):
            return "invalid_side"
        if order.order_type not in ("limit", "market"):
            return "invalid_order_type"
        if order.time_in_force not in ("day", "gtc", "ioc"):
            return "invalid_time_in_force"
        if not 0 < order.quantity <= MAX_INT64:
            return "invalid_quantity"
        if order.quantity > self.max_quantity:
            return "quantity_too_large"
        if order.quantity % self.lot_size:
            return "quantity_not_on_lot"
        if order.order_type == "market":
            return None if order.price is None else "invalid_price"
        if order.price is None or not 0 < order.price <= MAX_INT64:
            return "invalid_price"
        if order.price % self.tick_size:
            return "price_not_on_tick"
        return None


class Band(Struct, frozen=True, array_like=True):
    """The lowest and the highest price of a day, both allowed."""

    lower: int
    upper: int

    def __contains__(self, price: int) -> bool:
        return self.lower <= price <= self.upper
