"""The book against the slowest and most obvious one, and the laws that hold whatever is sent."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.contracts.codec import decode_command, encode_line
from streaming.contracts.commands import AnyCommand, CancelOrder, Clock, DefineInstrument, NewOrder, SetSession
from streaming.contracts.events import (
    Accepted,
    BookEvent,
    Cancelled,
    Expired,
    MarketStatus,
    Price,
    Rejected,
    RestingOrder,
    Trade,
)
from streaming.contracts.money import MAX_INT64
from streaming.matching.exchange import Exchange, SymbolMarket

TICK = 100


class ObviousMarket:
    """The same market with one list of orders, sorted anew whenever it is asked.

    Nothing is shared with the real one but the messages: what they must agree on is written here a second time.
    """

    def __init__(self, symbol: str, *, bare: bool) -> None:
        self.symbol = symbol
        self.instrument: DefineInstrument | None = None
        self.bare = bare
        self.open = bare
        self.collared = False
        self.bounds: tuple[int, int] | None = None
        self.orders: list[dict[str, Any]] = []
        self.arrivals = 0
        self.highest: dict[int, int] = {}
        self.sequence = self.now = self.volume = 0
        self.last_price: int | None = None
        self.date = ""

    def side(self, side: str) -> list[dict[str, Any]]:
        sign = -1 if side == "buy" else 1
        orders = [order for order in self.orders if order["side"] == side]
        return sorted(orders, key=lambda order: (sign * order["price"], order["arrival"]))

    def number(self) -> int:
        self.sequence += 1
        return self.sequence

    def event(self, kind: type, **fields: Any) -> Any:
        return kind(sequence=self.number(), symbol=self.symbol, event_time=self.now, **fields)

    def apply(self, command: AnyCommand) -> list[BookEvent]:
        if self.instrument is None and not self.bare and not isinstance(command, DefineInstrument):
            if isinstance(command, NewOrder | CancelOrder):
                return [
                    Rejected(
                        order_id=command.order_id,
                        trader_id=command.trader_id,
                        symbol=self.symbol,
                        reason="unknown_symbol",
                        event_time=command.event_time,
                    )
                ]
            return []
        self.now = max(self.now, command.event_time)
        match command:
            case DefineInstrument():
                self.instrument = command
                return []
            case NewOrder():
                return self.new(command)
            case CancelOrder():
                return self.cancel(command)
            case SetSession():
                return self.set_session(command)
        return []

    def new(self, order: NewOrder) -> list[BookEvent]:
        name = {"order_id": order.order_id, "trader_id": order.trader_id}
        if reason := self.refusal(order):
            return [self.event(Rejected, **name, reason=reason)]
        events: list[BookEvent] = [
            self.event(
                Accepted,
                **name,
                side=order.side,
                order_type=order.order_type,
                time_in_force=order.time_in_force,
                price=order.price,
                quantity=order.quantity,
            )
        ]
        left = order.quantity
        lowest, highest = self.bounds or (0, MAX_INT64)
        while left:
            makers = self.side("sell" if order.side == "buy" else "buy")
            if not makers:
                break
            maker = makers[0]
            limit = order.price if order.price is not None else (highest if order.side == "buy" else lowest)
            if (maker["price"] > limit) if order.side == "buy" else (maker["price"] < limit):
                break
            shares = min(left, maker["quantity"])
            buyer, seller = (order.trader_id, maker["trader_id"])
            if order.side == "sell":
                buyer, seller = seller, buyer
            events.append(
                self.event(
                    Trade,
                    trade_id=f"{self.symbol}-{self.sequence + 1}",
                    price=maker["price"],
                    quantity=shares,
                    maker_order_id=maker["order_id"],
                    taker_order_id=order.order_id,
                    buyer_id=buyer,
                    seller_id=seller,
                    aggressor_side=order.side,
                )
            )
            left -= shares
            maker["quantity"] -= shares
            self.orders = [resting for resting in self.orders if resting["quantity"]]
            self.last_price = maker["price"]
            self.volume += shares
        if left and (order.order_type == "market" or order.time_in_force == "ioc"):
            events.append(self.event(Cancelled, **name, quantity=left, reason="unfilled_remainder"))
        elif left:
            self.arrivals += 1
            self.orders.append(
                {
                    **name,
                    "side": order.side,
                    "price": order.price,
                    "quantity": left,
                    "day": order.time_in_force == "day",
                    "arrival": self.arrivals,
                }
            )
        return events

    def refusal(self, order: NewOrder) -> str | None:
        rules = self.instrument
        tick, lot, most = (rules.tick_size, rules.lot_size, rules.max_quantity) if rules else (TICK, 1, MAX_INT64)
        known_id = self.highest.get(order.trader_id, 0)
        self.highest[order.trader_id] = max(known_id, order.order_id)
        limit = order.order_type == "limit"
        checks = [
            ("duplicate_id", order.order_id > known_id),
            ("invalid_side", order.side in {"buy", "sell"}),
            ("invalid_order_type", order.order_type in {"limit", "market"}),
            ("invalid_time_in_force", order.time_in_force in {"day", "gtc", "ioc"}),
            ("invalid_quantity", 1 <= order.quantity <= MAX_INT64),
            ("quantity_too_large", order.quantity <= most),
            ("quantity_not_on_lot", order.quantity % lot == 0),
            ("invalid_price", (1 <= (order.price or 0) <= MAX_INT64) if limit else order.price is None),
            ("price_not_on_tick", (order.price or 0) % tick == 0),
            ("market_closed", self.open),
            ("no_reference_price", self.bounds is not None or not self.collared),
        ]
        if self.bounds is not None and order.price is not None:
            checks.append(("price_outside_collar", self.bounds[0] <= order.price <= self.bounds[1]))
        return next((reason for reason, passed in checks if not passed), None)

    def cancel(self, command: CancelOrder) -> list[BookEvent]:
        name = {"order_id": command.order_id, "trader_id": command.trader_id}
        for order in self.orders:
            if order["order_id"] == command.order_id and order["trader_id"] == command.trader_id:
                self.orders.remove(order)
                return [self.event(Cancelled, **name, quantity=order["quantity"], reason="requested")]
        return [self.event(Rejected, **name, reason="unknown_order")]

    def set_session(self, command: SetSession) -> list[BookEvent]:
        self.open = command.session == "continuous"
        reference = (command.reference_price or self.last_price) if self.open else None
        if self.open and command.trading_date != self.date:
            self.volume = 0
        self.date = command.trading_date
        self.collared = self.open and self.instrument is not None
        self.bounds = None
        if self.collared and reference and self.instrument:
            tick, bps = self.instrument.tick_size, self.instrument.collar_bps
            allowed = range(
                reference * (10_000 - bps) // 10_000 // tick * tick - tick,
                reference * (10_000 + bps) // 10_000 + tick,
                tick,
            )
            inside = [price for price in allowed if abs(price - reference) * 10_000 <= bps * reference]
            self.bounds = (inside[0], inside[-1])
        lower, upper = self.bounds or (None, None)
        events: list[BookEvent] = [
            self.event(
                MarketStatus,
                session=command.session,
                trading_date=command.trading_date,
                reference_price=reference,
                lower_price=lower,
                upper_price=upper,
            )
        ]
        for order in self.side("buy") + self.side("sell"):
            name = {"order_id": order["order_id"], "trader_id": order["trader_id"], "quantity": order["quantity"]}
            if not self.open and order["day"]:
                events.append(self.event(Expired, **name))
            elif self.bounds and not self.bounds[0] <= order["price"] <= self.bounds[1]:
                events.append(self.event(Cancelled, **name, reason="price_outside_collar"))
            else:
                continue
            self.orders.remove(order)
        return events

    def price(self) -> Price:
        best: dict[str, int | None] = {}
        for side, word in (("buy", "bid"), ("sell", "ask")):
            orders = self.side(side)
            top = orders[0]["price"] if orders else None
            best[f"{word}_price"] = top
            best[f"{word}_quantity"] = sum(o["quantity"] for o in orders if o["price"] == top) if orders else None
        return Price(
            symbol=self.symbol,
            last_sequence=self.sequence,
            last_price=self.last_price,
            volume=self.volume,
            event_time=self.now,
            **best,
        )

    def resting(self) -> list[RestingOrder]:
        fields = ("order_id", "trader_id", "side", "price", "quantity")
        return [RestingOrder(**{f: order[f] for f in fields}) for order in self.side("buy") + self.side("sell")]


TIMES = st.integers(0, 10**6)
TRADERS = st.integers(1, 2)
GOOD_PRICES = st.integers(98, 103).map(lambda ticks: ticks * TICK)
SIDES = st.sampled_from(["buy", "sell"])

GOOD = st.fixed_dictionaries(
    {
        "trader_id": TRADERS,
        "side": SIDES,
        "order_type": st.just("limit"),
        "time_in_force": st.sampled_from(["gtc", "gtc", "day", "ioc"]),
        "price": GOOD_PRICES,
        "quantity": st.integers(1, 20),
    }
)
MARKET = st.fixed_dictionaries(
    {
        "trader_id": TRADERS,
        "side": SIDES,
        "order_type": st.just("market"),
        "price": st.sampled_from([None, None, 10_000]),
        "quantity": st.integers(1, 60),
    }
)
STRANGE = st.fixed_dictionaries(
    {
        "trader_id": TRADERS,
        "side": st.sampled_from(["buy", "sell", "short"]),
        "order_type": st.sampled_from(["limit", "limit", "market", "stop"]),
        "time_in_force": st.sampled_from(["gtc", "day", "ioc", "fok"]),
        "price": st.one_of(
            st.integers(90, 110).map(lambda ticks: ticks * TICK),
            st.sampled_from([None, 0, -TICK, 10_050, MAX_INT64, 2**70]),
        ),
        "quantity": st.sampled_from([1, 5, 7, 0, -5, 1_000, 2**63]),
    }
)
CLOCKS = st.builds(Clock, symbol=st.just("ACME"), event_time=TIMES)
INSTRUMENTS = st.builds(
    DefineInstrument,
    symbol=st.just("ACME"),
    tick_size=st.sampled_from([TICK, TICK, 2 * TICK]),
    lot_size=st.sampled_from([1, 1, 5]),
    max_quantity=st.just(500),
    collar_bps=st.sampled_from([120, 333, 2_000]),
    event_time=TIMES,
)
SESSIONS = st.builds(
    SetSession,
    symbol=st.just("ACME"),
    session=st.sampled_from(["continuous", "continuous", "continuous", "closed"]),
    trading_date=st.sampled_from(["2026-01-02", "2026-01-05"]),
    reference_price=st.sampled_from([None, 9_900, 10_000, 10_250]),
    event_time=TIMES,
)


@st.composite
def streams(draw: st.DrawFn) -> list[AnyCommand]:
    """Commands of all kinds, most of them good: a stream of refusals would show little of the book.

    An order has a new id nine times of ten, else one that may have been used; a cancel names any order so far.
    """
    commands: list[AnyCommand] = []
    if draw(st.booleans()):
        commands += [draw(INSTRUMENTS), draw(SESSIONS)]
    kinds = st.sampled_from(["good"] * 14 + ["market"] * 2 + ["strange"] * 2 + ["cancel"] * 3 + ["clock", "control"])
    size = draw(st.integers(0, 70))
    for number, kind in enumerate(draw(st.lists(kinds, min_size=size, max_size=size)), 1):
        old = st.integers(max(1, number - 10), number)
        match kind:
            case "good" | "market" | "strange":
                fields = draw({"good": GOOD, "market": MARKET, "strange": STRANGE}[kind])
                order_id = number if draw(st.integers(0, 9)) else draw(old)
                commands.append(NewOrder(symbol="ACME", order_id=order_id, event_time=draw(TIMES), **fields))
            case "cancel":
                name = {"order_id": draw(old), "trader_id": draw(TRADERS)}
                commands.append(CancelOrder(symbol="ACME", event_time=draw(TIMES), **name))
            case "clock":
                commands.append(draw(CLOCKS))
            case "control":
                commands.append(draw(st.one_of(SESSIONS, SESSIONS, INSTRUMENTS)))
    return commands


@settings(deadline=None)
@given(streams(), st.booleans())
def test_the_book_says_what_the_obvious_book_says(stream: list[AnyCommand], bare: bool) -> None:
    fast, slow = SymbolMarket("ACME", bare=bare), ObviousMarket("ACME", bare=bare)
    for command in stream:
        assert fast.apply(command) == slow.apply(command)
        assert fast.price() == slow.price()
        assert [order for part in fast.snapshot() for order in part.orders] == slow.resting()


@settings(deadline=None)
@given(streams(), st.booleans())
def test_the_laws_of_a_market(stream: list[AnyCommand], bare: bool) -> None:
    market = SymbolMarket("ACME", bare=bare)
    events: list[BookEvent] = []
    for command in stream:
        before = market.now
        events += market.apply(command)
        price = market.price()
        assert market.now >= before
        if price.bid_price is not None and price.ask_price is not None:
            assert price.bid_price < price.ask_price, "the book is crossed"
    numbers = [event.sequence for event in events if event.sequence is not None]
    assert numbers == list(range(1, len(numbers) + 1)), "a gap in the sequence"
    check_shares(market, events)
    bounds: tuple[int | None, int | None] = (None, None)
    for event in events:
        if isinstance(event, MarketStatus):
            bounds = (event.lower_price, event.upper_price)
        elif isinstance(event, Trade) and bounds[0] is not None and bounds[1] is not None:
            assert bounds[0] <= event.price <= bounds[1], "a trade outside the collar"


def check_shares(market: SymbolMarket, events: list[BookEvent]) -> None:
    """Every share of an accepted order traded, was taken off, or still rests; and nobody paid more than his limit."""
    orders = {(e.trader_id, e.order_id): e for e in events if isinstance(e, Accepted)}
    gone: defaultdict[tuple[int, int], int] = defaultdict(int)
    for event in events:
        match event:
            case Trade():
                maker, taker = (event.seller_id, event.buyer_id)
                if event.aggressor_side == "sell":
                    maker, taker = taker, maker
                sides = {(maker, event.maker_order_id), (taker, event.taker_order_id)}
                assert len(sides) == 2
                for name in sides:
                    gone[name] += event.quantity
                    limit = orders[name].price
                    if limit is not None:
                        assert event.price <= limit if orders[name].side == "buy" else event.price >= limit
                assert event.price == orders[maker, event.maker_order_id].price
            case Cancelled() | Expired():
                gone[event.trader_id, event.order_id] += event.quantity
    for part in market.snapshot():
        for order in part.orders:
            gone[order.trader_id, order.order_id] += order.quantity
    assert dict(gone) == {name: order.quantity for name, order in orders.items()}


@settings(deadline=None)
@given(streams(), st.booleans(), st.integers(0, 60))
def test_a_market_saved_and_loaded_goes_on_as_if_nothing_had_been(
    stream: list[AnyCommand], bare: bool, cut: int
) -> None:
    market = SymbolMarket("ACME", bare=bare)
    for command in stream[:cut]:
        market.apply(command)
    loaded = SymbolMarket.load(market.dump())
    assert loaded.dump() == market.dump()
    for command in stream[cut:]:
        assert loaded.apply(command) == market.apply(command)
    assert loaded.dump() == market.dump()
    assert loaded.price() == market.price()


@settings(deadline=None)
@given(streams(), st.booleans())
def test_a_replay_from_the_file_form_is_the_same_to_the_byte(stream: list[AnyCommand], bare: bool) -> None:
    lines = [encode_line(command) for command in stream]

    def replay() -> bytes:
        exchange = Exchange(bare=bare)
        return b"".join(encode_line(event) for line in lines for event in exchange.apply(decode_command(line)))

    direct = Exchange(bare=bare)
    expected = b"".join(encode_line(event) for command in stream for event in direct.apply(command))
    assert replay() == replay() == expected
    assert Exchange.load(direct.dump()).dump() == direct.dump()
