"""The market of one symbol as a pure function: `apply(command) -> events`.

Nothing here reads a clock, a file or the network: the same commands always give the same events, to the byte.

The checks of a new order, in this order; the first that fails is the reason of the rejection:
`unknown_symbol` (no `instrument` came yet; without a sequence number), `duplicate_id` (ids must rise strictly per
trader and symbol; every other new order uses up its id, rejected or not), `invalid_side`, `invalid_order_type`,
`invalid_time_in_force`, `invalid_quantity`, `quantity_too_large`, `quantity_not_on_lot`, `invalid_price`,
`price_not_on_tick`, `market_closed`, `no_reference_price`, `price_outside_collar`.
"""

from __future__ import annotations

from typing import cast

from streaming.contracts.commands import (
    AnyCommand,
    CancelOrder,
    DefineInstrument,
    NewOrder,
    Session,
    SetSession,
)
from streaming.contracts.events import (
    Accepted,
    BookEvent,
    BookSnapshot,
    Cancelled,
    CancelReason,
    Expired,
    MarketStatus,
    Price,
    Reason,
    Rejected,
    Side,
    Trade,
)
from streaming.matching.book import Book, Order
from streaming.matching.rules import Band, Rules
from streaming.matching.state import State, dump, load
from streaming.matching.views import price, snapshot


class SymbolMarket:
    """One symbol's book, session and rules.

    A market with reference data knows no orders before its `instrument` and is closed before its first `session`.
    A `bare` market trades from the first command: tick 0.01 dollar, lot 1, no collar; it obeys what it is told later.
    """

    __slots__ = ("_events", "_state", "book")

    def __init__(self, symbol: str, *, bare: bool = False) -> None:
        self.book = Book()
        self._state = State(symbol, Rules() if bare else None, "continuous" if bare else "closed")
        self._events: list[BookEvent] = []

    @property
    def symbol(self) -> str:
        """The symbol that is traded here."""
        return self._state.symbol

    @property
    def known(self) -> bool:
        """Whether the symbol exists. While it does not, no command but `instrument` changes anything."""
        return self._state.rules is not None

    @property
    def session(self) -> Session:
        """Whether orders are taken."""
        return self._state.session

    @property
    def band(self) -> Band | None:
        """The prices allowed in this session; None where there is no bound, or no reference price."""
        return self._state.band

    @property
    def sequence(self) -> int:
        """The number of the last event."""
        return self._state.sequence

    @property
    def now(self) -> int:
        """The market's time: the greatest event time seen, in microseconds since the Unix epoch, UTC."""
        return self._state.now

    def apply(self, command: AnyCommand) -> list[BookEvent]:
        """Carry out a command and tell what happened, in order. The command must be of this symbol."""
        state = self._state
        assert command.symbol == state.symbol
        if state.rules is None and type(command) is not DefineInstrument:
            if isinstance(command, NewOrder | CancelOrder):
                return [_unknown_symbol(command)]
            return []
        if command.event_time > state.now:
            state.now = command.event_time
        events = self._events = []
        if type(command) is NewOrder:
            self._new(command, state.rules)  # type: ignore[arg-type]  # not None: see above
        elif type(command) is CancelOrder:
            self._cancel(command)
        elif type(command) is SetSession:
            self._set_session(command, state.rules)  # type: ignore[arg-type]
        elif type(command) is DefineInstrument:
            # The band stays until the next opening: gateways have reserved cash by it.
            state.rules = Rules.of(command)
        return events

    def _new(self, order: NewOrder, rules: Rules) -> None:
        state = self._state
        if order.order_id <= state.highest_ids.get(order.trader_id, 0):
            self._reject(order, "duplicate_id")
            return
        state.highest_ids[order.trader_id] = order.order_id
        reason = rules.fault(order) or self._fault_now(order)
        if reason:
            self._reject(order, reason)
            return
        side = cast(Side, order.side)
        self._events.append(
            Accepted(
                sequence=self._next(),
                order_id=order.order_id,
                trader_id=order.trader_id,
                symbol=state.symbol,
                side=side,
                order_type=order.order_type,  # type: ignore[arg-type]  # `Rules.fault` has checked
                time_in_force=order.time_in_force,  # type: ignore[arg-type]
                price=order.price,
                quantity=order.quantity,
                event_time=state.now,
            )
        )
        left = order.quantity - self._trade(order, side)
        assert left >= 0
        if not left:
            return
        if order.price is None or order.time_in_force == "ioc":
            self._cancelled(order.order_id, order.trader_id, left, "unfilled_remainder")
        else:
            day = order.time_in_force == "day"
            self.book.add(Order(order.order_id, order.trader_id, side, order.price, left, day))
            assert not self.book.crossed(), f"{state.symbol} is crossed after sequence {state.sequence}"

    def _fault_now(self, order: NewOrder) -> Reason | None:
        state = self._state
        if state.session != "continuous":
            return "market_closed"
        if not state.guarded:
            return None
        if state.band is None:
            return "no_reference_price"
        if order.price is not None and order.price not in state.band:
            return "price_outside_collar"
        return None

    def _trade(self, order: NewOrder, side: Side) -> int:
        """Match an accepted order; the shares that it traded."""
        state = self._state
        limit = order.price
        if limit is None and state.band is not None:
            limit = state.band.upper if side == "buy" else state.band.lower
        traded = 0
        for maker, shares in self.book.take(side, order.quantity, limit):
            sequence = self._next()
            buyer, seller = (order, maker) if side == "buy" else (maker, order)
            self._events.append(
                Trade(
                    sequence=sequence,
                    trade_id=f"{state.symbol}-{sequence}",
                    symbol=state.symbol,
                    price=maker.price,
                    quantity=shares,
                    maker_order_id=maker.order_id,
                    taker_order_id=order.order_id,
                    buyer_id=buyer.trader_id,
                    seller_id=seller.trader_id,
                    aggressor_side=side,
                    event_time=state.now,
                )
            )
            state.last_price = maker.price
            traded += shares
        state.volume += traded
        return traded

    def _cancel(self, command: CancelOrder) -> None:
        order = self.book.get(command.trader_id, command.order_id)
        if order is None:
            self._reject(command, "unknown_order")
            return
        self._take_off(order, "requested")

    def _set_session(self, command: SetSession, rules: Rules) -> None:
        state = self._state
        state.session = command.session
        reference = None
        if command.session == "continuous":
            reference = state.last_price if command.reference_price is None else command.reference_price
            if command.trading_date != state.trading_date:
                state.volume = 0
        state.trading_date = command.trading_date
        state.guarded = command.session == "continuous" and rules.collar_bps is not None
        state.band = None if reference is None else rules.band(reference)
        self._events.append(
            MarketStatus(
                sequence=self._next(),
                symbol=state.symbol,
                session=command.session,
                trading_date=command.trading_date,
                reference_price=reference,
                lower_price=state.band.lower if state.band else None,
                upper_price=state.band.upper if state.band else None,
                event_time=state.now,
            )
        )
        if command.session == "closed":
            self._expire_day_orders()
        elif state.band is not None:
            # What lies outside the new band could trade outside it: then no reservation would be safe.
            for order in [order for order in self.book if order.price not in state.band]:
                self._take_off(order, "price_outside_collar")

    def _expire_day_orders(self) -> None:
        """Bids first, each side in priority order."""
        for order in [order for order in self.book if order.day]:
            self.book.remove(order)
            self._events.append(
                Expired(
                    sequence=self._next(),
                    order_id=order.order_id,
                    trader_id=order.trader_id,
                    symbol=self._state.symbol,
                    quantity=order.quantity,
                    event_time=self._state.now,
                )
            )

    def _take_off(self, order: Order, reason: CancelReason) -> None:
        self.book.remove(order)
        self._cancelled(order.order_id, order.trader_id, order.quantity, reason)

    def _cancelled(self, order_id: int, trader_id: int, quantity: int, reason: CancelReason) -> None:
        self._events.append(
            Cancelled(
                sequence=self._next(),
                order_id=order_id,
                trader_id=trader_id,
                symbol=self._state.symbol,
                quantity=quantity,
                reason=reason,
                event_time=self._state.now,
            )
        )

    def _reject(self, command: NewOrder | CancelOrder, reason: Reason) -> None:
        self._events.append(
            Rejected(
                sequence=self._next(),
                order_id=command.order_id,
                trader_id=command.trader_id,
                symbol=self._state.symbol,
                reason=reason,
                event_time=self._state.now,
            )
        )

    def _next(self) -> int:
        self._state.sequence += 1
        return self._state.sequence

    def price(self) -> Price:
        """Last price, best bid and best ask as they are now."""
        return price(self._state, self.book)

    def snapshot(self) -> list[BookSnapshot]:
        """The whole book as it is now, in parts of at most `views.SNAPSHOT_ORDERS` orders."""
        return snapshot(self._state, self.book)

    def dump(self) -> bytes:
        """The market's whole state, priorities included, for `load`."""
        return dump(self._state, self.book)

    @classmethod
    def load(cls, data: bytes) -> SymbolMarket:
        """The market that `dump` saved; msgspec.DecodeError where the bytes are no such thing."""
        state, book = load(data)
        market = cls(state.symbol)
        market._state, market.book = state, book
        return market


def _unknown_symbol(command: NewOrder | CancelOrder) -> Rejected:
    return Rejected(
        order_id=command.order_id,
        trader_id=command.trader_id,
        symbol=command.symbol,
        reason="unknown_symbol",
        event_time=command.event_time,
    )
