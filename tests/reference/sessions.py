"""Sessions, halts, auctions and price bands: when a market matches, and within which prices."""

from __future__ import annotations

from typing import Any

from streaming.contracts.commands import DefineInstrument, SetSession
from streaming.contracts.events import MarketStatus
from tests.reference.auction import clearing, filled, pairs
from tests.reference.bands import band_bounds, collar, mean_price
from tests.reference.matching import Matching
from tests.reference.order import MINUTE, SECOND, Order, nearest

DAY_ORDERS = ("day", "at_the_open", "at_the_close")
Prices = list[int]
"""The price of each trade of an auction: all the same."""


class Sessions(Matching):
    """A book whose trading begins, halts and ends."""

    def __init__(self, symbol: str, *, bare: bool) -> None:
        super().__init__(symbol, bare=bare)
        self.day_reference: tuple[int | None, str] = (None, "")
        """The reference price set last, and the trading date it was set for."""
        self.referenced = False
        """Whether the symbol had reference data when the session began."""
        self.auctioned = 0
        """The shares of the last auction."""
        self.close_time: int | None = None
        self.late = False
        """Whether the last 25 minutes have begun."""
        self.band_rules: DefineInstrument | None = None
        """The instrument's rules as they were when the bands began: their width keeps to them."""
        self.band_reference = self.band_time = 0
        self.last_band: int | None = None
        """The last band reference since the session began."""
        self.limit_state: str | None = None
        self.limit_deadline: int | None = None
        self.pause_deadline: int | None = None

    # Control commands

    def begin_session(self, command: SetSession) -> None:
        before, after = self.session, command.session
        opens = after == "continuous" and not self.matches
        closes = before == "closing_auction" and after == "closed"
        prices = self.hold_auction() if (opens or closes) and not self.halted else []

        if command.trading_date != self.date:
            self.volume = 0
        self.session, self.date = after, command.trading_date
        self.end_pause_and_bands()
        self.last_band = None
        self.close_time = command.close_time if after == "continuous" else None
        self.late = self.close_time is not None and self.now >= self.close_time - 25 * MINUTE
        self.set_reference(command)

        self.begin_bands(prices)
        self.publish_status(prices)
        if after == "closing_auction":
            for order in self.at("parked"):
                if order.price is None:
                    order.where = "market"  # by its place, which it has from its acceptance
                else:
                    self.put(order, "book")
        for order in self.accepted():
            if (after == "closed" and order.time_in_force in DAY_ORDERS) or (
                after == "continuous" and order.time_in_force == "at_the_open"
            ):
                self.expire(order)
        if self.matches:
            self.cancel_market_orders()
        self.cancel_outside_collar()
        self.move_book_into_band()

    def halt(self) -> None:
        self.halted = True
        self.end_pause_and_bands()
        self.publish_status([])

    def resume(self) -> None:
        if self.session == "continuous" and not self.matches:
            prices = self.hold_auction()
            self.halted = False
            self.end_pause_and_bands()
            self.begin_bands(prices)
            self.publish_status(prices)
            self.move_book_into_band()
        else:
            self.halted = False
            self.publish_status([])

    def set_reference(self, command: SetSession) -> None:
        self.reference = self.collar = None
        self.referenced = self.rules is not None
        if self.session == "closed":
            return
        remembered, date = self.day_reference
        if command.reference_price is not None:
            self.reference = command.reference_price
        elif remembered is not None and date == self.date:
            self.reference = remembered
        else:
            self.reference = self.last_price
        self.day_reference = (self.reference, self.date)
        if self.rules and self.reference is not None:
            self.collar = collar(self.rules, self.reference)

    def cancel_market_orders(self) -> None:
        for order in self.accepted():
            if order.where == "market":
                self.cancel(order, "unfilled_remainder")

    def cancel_outside_collar(self) -> None:
        for order in self.accepted():
            if order.where == "book" and self.collar and not self.collar[0] <= order.limit() <= self.collar[1]:
                self.cancel(order, "price_outside_collar")

    def publish_status(self, auction: Prices) -> None:
        lower, upper = self.collar or (None, None)
        lower_band, upper_band = self.band or (None, None)
        self.emit(
            MarketStatus,
            session=self.session,
            trading_date=self.date,
            halt="halted" if self.halted else "paused" if self.paused else None,
            limit_state=self.limit_state,
            reference_price=self.reference,
            lower_price=lower,
            upper_price=upper,
            band_reference_price=self.band_reference if self.band else None,
            lower_band_price=lower_band,
            upper_band_price=upper_band,
            auction_price=auction[0] if auction else None,
            auction_quantity=self.auctioned if auction else None,
        )

    # Auctions

    def taking_part(self) -> list[Order]:
        return self.at("book", "market")

    def auction_reference(self) -> int | None:
        price = self.last_price if self.last_price is not None else self.reference
        if price is None:
            return None
        price = nearest(price, self.tick)
        return max(self.collar[0], min(self.collar[1], price)) if self.collar else price

    def indication(self) -> tuple[int, int] | None:
        """Price and shares of the auction, if it were held now."""
        return clearing(self.taking_part(), self.tick, self.auction_reference())

    def hold_auction(self) -> Prices:
        """Trade what can be, then cancel the market orders left over; opening orders end with the opening."""
        found, orders, prices = self.indication(), self.taking_part(), []
        if found:
            price, self.auctioned = found
            buys, sells = (filled(orders, side, self.auctioned) for side in ("buy", "sell"))
            for buy, sell, shares in pairs(buys, sells):
                roles: dict[str, Any] = {"buy_order_id": buy.order_id, "sell_order_id": sell.order_id}
                self.trade(buy, sell, price, shares, **roles, aggressor_side="none")
                prices.append(price)
            for order, shares in buys + sells:
                order.shown -= min(shares, order.shown)
                if not order.shown:
                    order.show_anew()
        self.cancel_market_orders()
        if self.session in ("pre_open", "opening_auction"):
            for order in self.accepted():
                if order.time_in_force == "at_the_open":
                    self.expire(order)
        return prices

    # Price bands

    def begin_bands(self, auction: Prices) -> None:
        if not self.matches or self.reference is None or self.rules is None or self.rules.luld_tier is None:
            return
        self.band_rules = self.rules
        self.recent = [(self.now // SECOND, price) for price in auction]
        if auction:
            self.set_band(auction[0])
        elif self.last_band is not None:
            self.set_band(self.last_band)
        else:
            self.set_band(self.reference)

    def set_band(self, reference: int) -> None:
        assert self.band_rules
        assert self.reference is not None
        self.band_reference, self.band_time = reference, self.now
        self.last_band = reference
        self.band = band_bounds(self.band_rules, self.reference, reference, self.late)

    def end_pause_and_bands(self) -> None:
        self.paused, self.pause_deadline = False, None
        self.band = self.limit_state = self.limit_deadline = None

    def move_book_into_band(self) -> None:
        for order in self.accepted():
            if order.where == "book" and self.move_into_band(order):
                self.put(order, "book")

    def begin_last_minutes(self) -> None:
        self.late = True
        if self.band is None:
            return
        assert self.band_rules
        assert self.reference is not None
        bounds = band_bounds(self.band_rules, self.reference, self.band_reference, self.late)
        if bounds != self.band:
            self.band = bounds
            self.publish_status([])
            self.move_book_into_band()

    def pause(self) -> None:
        assert self.rules
        pause = self.rules.pause_seconds * SECOND
        self.end_pause_and_bands()
        self.paused, self.pause_deadline = True, self.now + pause
        self.publish_status([])

    def settle(self) -> None:
        """After each command and each timer."""
        if not self.matches:
            return
        self.elect_stops()
        if self.band is None:
            return
        if self.limit_state is None and self.now - self.band_time >= 30 * SECOND:
            mean = mean_price(self.recent, self.now)
            if mean is not None and abs(mean - self.band_reference) * 100 >= self.band_reference:
                self.set_band(mean)
                self.publish_status([])
                self.move_book_into_band()
        self.find_limit_state()

    def find_limit_state(self) -> None:
        assert self.rules
        assert self.band
        bids, asks = self.side("buy"), self.side("sell")
        state = None
        if bids and bids[0].price == self.band[1]:
            state = "upper"
        elif asks and asks[0].price == self.band[0]:
            state = "lower"
        if state != self.limit_state:
            self.limit_state = state
            self.limit_deadline = self.now + self.rules.limit_state_seconds * SECOND if state else None
            self.publish_status([])
