"""What a symbol allows, and the first thing that is wrong with an order whatever the hour."""

from __future__ import annotations

from typing import Final

from streaming.contracts.commands import DefineInstrument, ReplaceOrder
from streaming.contracts.events import Reason
from streaming.contracts.money import CENT, MAX_INT64

BPS: Final = 10_000
"""Basis points in a whole."""
ORDINARY: Final = 2**50
"""Numbers below are compared as machine words where this is compiled; the largest of 64 bits are not."""
LATEST: Final = 4_102_444_800_000_000
"""The year 2100: the last time that anything may name."""
MODES: Final = frozenset({"none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement_and_cancel"})
TIMES_IN_FORCE: Final = frozenset({"gtc", "day", "ioc", "fok", "gtd", "at_the_open", "at_the_close"})
ORDER_TYPES: Final = frozenset({"limit", "market", "stop", "stop_limit"})
RESTING: Final = frozenset({"day", "gtc", "gtd"})


class Rules:
    """The rules of a symbol. `tick_size` in 1/10,000 dollar; 0 stands for a bound that there is not."""

    def __init__(
        self,
        tick_size: int = CENT,
        lot_size: int = 1,
        max_quantity: int = 0,
        max_notional: int = 0,
        collar_bps: int = 0,
        luld_tier: int = 0,
        luld_bps: int = 0,
        limit_state_seconds: int = 15,
        pause_seconds: int = 300,
    ) -> None:
        self.tick_size = tick_size
        self.lot_size = lot_size
        self.max_quantity = max_quantity
        self.max_notional = max_notional
        self.collar_bps = collar_bps
        self.luld_tier = luld_tier
        self.luld_bps = luld_bps
        self.limit_state_seconds = limit_state_seconds
        self.pause_seconds = pause_seconds

    @staticmethod
    def of(command: DefineInstrument) -> Rules:
        """The rules that a command asks for."""
        return Rules(
            command.tick_size,
            command.lot_size,
            command.max_quantity,
            command.max_notional or 0,
            command.collar_bps,
            command.luld_tier or 0,
            command.luld_bps or 0,
            command.limit_state_seconds,
            command.pause_seconds,
        )

    def collar(self, reference_price: int) -> tuple[int, int]:
        """The prices within `collar_bps` of the reference, rounded inwards to ticks."""
        step = BPS * self.tick_size
        lower = -(-reference_price * (BPS - self.collar_bps) // step) * self.tick_size
        upper = reference_price * (BPS + self.collar_bps) // step * self.tick_size
        return lower, upper

    def fault(
        self,
        side: str,
        order_type: str,
        time_in_force: str,
        price: int | None,
        stop_price: int | None,
        display_quantity: int | None,
        quantity: int,
        expire_time: int | None,
        post_only: bool,
        prevention: str | None,
        now: int,
    ) -> Reason | None:
        """The first thing that is wrong with the fields of a new order; docs/rule-book.md lists the checks in order."""
        if side != "buy" and side != "sell":
            return "invalid_side"
        plain = order_type == "limit"
        if not plain and order_type not in ORDER_TYPES:
            return "invalid_order_type"
        stop = not plain and order_type != "market"
        if time_in_force != "gtc" and (
            time_in_force not in TIMES_IN_FORCE or (stop and time_in_force in ("at_the_open", "at_the_close"))
        ):
            return "invalid_time_in_force"
        reason = self._quantity_fault(quantity)
        if reason is not None:
            return reason
        if plain or order_type == "stop_limit":
            reason = self._price_fault(price)
            if reason is not None:
                return reason
        elif price is not None:
            return "invalid_price"
        if stop:
            reason = self._stop_fault(stop_price)
            if reason is not None:
                return reason
        elif stop_price is not None:
            return "invalid_stop_price"
        if display_quantity is not None and (
            price is None or not 0 < display_quantity <= quantity or display_quantity % self.lot_size
        ):
            return "invalid_display_quantity"
        if time_in_force == "gtd":
            if expire_time is None or not now < expire_time <= LATEST:
                return "invalid_expire_time"
        elif expire_time is not None:
            return "invalid_expire_time"
        if post_only and (not plain or time_in_force not in RESTING):
            return "invalid_post_only"
        if prevention is not None and prevention not in MODES:
            return "invalid_self_trade_prevention"
        return None

    def replace_fault(self, command: ReplaceOrder, has_price: bool, has_stop: bool) -> Reason | None:
        """The first thing that is wrong with the new values of an order that has a limit, or waits for a stop price."""
        reason = self._quantity_fault(command.quantity)
        if reason is not None:
            return reason
        if command.price is not None:
            reason = self._price_fault(command.price) if has_price else "invalid_price"
            if reason is not None:
                return reason
        if command.stop_price is not None:
            return self._stop_fault(command.stop_price) if has_stop else "invalid_stop_price"
        return None

    def _quantity_fault(self, quantity: int) -> Reason | None:
        if not 0 < quantity < ORDINARY and not 0 < quantity <= MAX_INT64:
            return "invalid_quantity"
        if self.max_quantity and quantity > self.max_quantity:
            return "quantity_too_large"
        if quantity % self.lot_size:
            return "quantity_not_on_lot"
        return None

    def _price_fault(self, price: int | None) -> Reason | None:
        if price is None or (not 0 < price < ORDINARY and not 0 < price <= MAX_INT64):
            return "invalid_price"
        return "price_not_on_tick" if price % self.tick_size else None

    def _stop_fault(self, price: int | None) -> Reason | None:
        if price is None or not 0 < price <= MAX_INT64:
            return "invalid_stop_price"
        return "stop_price_not_on_tick" if price % self.tick_size else None
