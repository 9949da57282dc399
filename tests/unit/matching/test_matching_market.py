"""What a market answers, case by case. Prices are in 1/10,000 dollar."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from streaming.contracts.commands import AnyCommand, CancelOrder, Clock, DefineInstrument, NewOrder, SetSession
from streaming.contracts.events import (
    Accepted,
    BookEvent,
    Cancelled,
    Expired,
    MarketStatus,
    Rejected,
    RestingOrder,
    Trade,
)
from streaming.contracts.money import MAX_INT64
from streaming.matching import views
from streaming.matching.exchange import Exchange, SymbolMarket

DOLLAR = 10_000
OPEN = 1_767_364_200_000_000


class Desk:
    """A market and somebody who numbers the orders."""

    def __init__(self, market: SymbolMarket) -> None:
        self.market = market
        self._ids = count(1)

    def send(self, command: AnyCommand) -> list[BookEvent]:
        return self.market.apply(command)

    def new(self, side: str, quantity: int, price: int | None = None, **more: Any) -> list[BookEvent]:
        fields: dict[str, Any] = {
            "order_id": next(self._ids),
            "trader_id": 1,
            "order_type": "market" if price is None else "limit",
            "event_time": OPEN,
        }
        return self.send(
            NewOrder(symbol=self.market.symbol, side=side, quantity=quantity, price=price, **(fields | more))
        )

    def cancel(self, order_id: int, trader_id: int = 1) -> list[BookEvent]:
        return self.send(
            CancelOrder(order_id=order_id, trader_id=trader_id, symbol=self.market.symbol, event_time=OPEN)
        )

    def session(self, session: Any, reference: int | None = None, date: str = "2026-01-02") -> list[BookEvent]:
        return self.send(
            SetSession(
                symbol=self.market.symbol,
                session=session,
                trading_date=date,
                reference_price=reference,
                event_time=OPEN,
            )
        )

    def define(self, **more: Any) -> list[BookEvent]:
        rules = {"tick_size": 100, "lot_size": 10, "max_quantity": 1_000, "collar_bps": 1_000, "event_time": OPEN}
        return self.send(DefineInstrument(symbol=self.market.symbol, **(rules | more)))

    def resting(self) -> list[tuple[int, int]]:
        """Order id and quantity of every order on the book."""
        return [(order.order_id, order.quantity) for part in self.market.snapshot() for order in part.orders]


@pytest.fixture
def bare() -> Desk:
    return Desk(SymbolMarket("ACME", bare=True))


@pytest.fixture
def desk() -> Desk:
    """ACME with reference data, open at a reference price of 100 dollars: 90 to 110 are allowed."""
    desk = Desk(SymbolMarket("ACME"))
    desk.define()
    desk.session("continuous", reference=100 * DOLLAR)
    return desk


def kinds(events: list[BookEvent]) -> list[type]:
    return [type(event) for event in events]


def reason(events: list[BookEvent]) -> str:
    (event,) = events
    assert isinstance(event, Rejected)
    return event.reason


def trades(events: list[BookEvent]) -> list[Trade]:
    return [event for event in events if isinstance(event, Trade)]


class TestPriority:
    def test_the_better_price_trades_first_and_the_trade_prints_at_the_makers_price(self, bare: Desk) -> None:
        bare.new("sell", 10, 102 * DOLLAR)
        bare.new("sell", 10, 101 * DOLLAR)
        events = bare.new("buy", 15, 103 * DOLLAR)
        assert [(t.price, t.quantity, t.maker_order_id) for t in trades(events)] == [
            (101 * DOLLAR, 10, 2),
            (102 * DOLLAR, 5, 1),
        ]

    def test_at_one_price_the_older_order_trades_first(self, bare: Desk) -> None:
        for trader in (5, 6, 7):
            bare.new("buy", 10, 100 * DOLLAR, trader_id=trader)
        events = bare.new("sell", 25, 100 * DOLLAR)
        assert [(t.buyer_id, t.quantity) for t in trades(events)] == [(5, 10), (6, 10), (7, 5)]
        assert bare.resting() == [(3, 5)]

    def test_an_order_that_traded_in_part_keeps_its_place(self, bare: Desk) -> None:
        bare.new("buy", 10, 100 * DOLLAR)
        bare.new("buy", 10, 100 * DOLLAR)
        bare.new("sell", 4, 100 * DOLLAR)
        assert [t.maker_order_id for t in trades(bare.new("sell", 8, 100 * DOLLAR))] == [1, 2]

    def test_a_level_that_emptied_and_came_back_is_found_again(self, bare: Desk) -> None:
        bare.new("sell", 10, 100 * DOLLAR)
        bare.cancel(1)
        bare.new("sell", 10, 101 * DOLLAR)
        bare.new("sell", 10, 100 * DOLLAR)
        assert bare.market.price().ask_price == 100 * DOLLAR
        assert [t.price for t in trades(bare.new("buy", 20, 101 * DOLLAR))] == [100 * DOLLAR, 101 * DOLLAR]

    def test_a_far_price_that_comes_and_goes_a_thousand_times_leaves_nothing_behind(self, bare: Desk) -> None:
        bare.new("sell", 10, 100 * DOLLAR)
        for number in range(1_000):
            bare.new("sell", 10, (200 + number) * DOLLAR)
            bare.cancel(number + 2)
        assert bare.resting() == [(1, 10)]
        assert len(bare.market.book.asks._heap) < 100


class TestTrade:
    def test_tells_both_sides_and_who_came_second(self, bare: Desk) -> None:
        bare.new("sell", 10, 100 * DOLLAR, trader_id=8)
        accepted, trade = bare.new("buy", 10, 101 * DOLLAR, trader_id=9, event_time=OPEN + 5)
        assert isinstance(accepted, Accepted)
        assert trade == Trade(
            sequence=3,
            trade_id="ACME-3",
            symbol="ACME",
            price=100 * DOLLAR,
            quantity=10,
            maker_order_id=1,
            taker_order_id=2,
            buyer_id=9,
            seller_id=8,
            aggressor_side="buy",
            event_time=OPEN + 5,
        )

    def test_counts_towards_the_days_volume_and_is_the_last_price(self, bare: Desk) -> None:
        bare.new("sell", 10, 100 * DOLLAR)
        bare.new("buy", 4, 100 * DOLLAR)
        price = bare.market.price()
        assert (price.last_price, price.volume, price.ask_quantity, price.bid_price) == (100 * DOLLAR, 4, 6, None)


class TestMarketAndIoc:
    def test_a_market_order_never_rests(self, bare: Desk) -> None:
        bare.new("sell", 10, 100 * DOLLAR)
        events = bare.new("buy", 30)
        assert kinds(events) == [Accepted, Trade, Cancelled]
        assert (events[-1].quantity, events[-1].reason) == (20, "unfilled_remainder")  # type: ignore[union-attr]
        assert bare.resting() == []

    def test_what_is_left_of_an_ioc_order_is_cancelled(self, bare: Desk) -> None:
        bare.new("sell", 10, 100 * DOLLAR)
        bare.new("sell", 10, 102 * DOLLAR)
        events = bare.new("buy", 30, 101 * DOLLAR, time_in_force="ioc")
        assert kinds(events) == [Accepted, Trade, Cancelled]
        assert bare.resting() == [(2, 10)]

    def test_on_an_empty_book_all_of_it_is_cancelled(self, bare: Desk) -> None:
        assert kinds(bare.new("sell", 30)) == [Accepted, Cancelled]


class TestRejection:
    @pytest.mark.parametrize(
        ("wrong", "expected"),
        [
            ({"side": "short"}, "invalid_side"),
            ({"side": ""}, "invalid_side"),
            ({"order_type": "pegged"}, "invalid_order_type"),
            ({"time_in_force": "gtx"}, "invalid_time_in_force"),
            ({"quantity": 0}, "invalid_quantity"),
            ({"quantity": -10}, "invalid_quantity"),
            ({"quantity": MAX_INT64 + 1}, "invalid_quantity"),
            ({"quantity": 1_010}, "quantity_too_large"),
            ({"quantity": 15}, "quantity_not_on_lot"),
            ({"price": 0}, "invalid_price"),
            ({"price": -100}, "invalid_price"),
            ({"price": 2**80}, "invalid_price"),
            ({"price": None, "order_type": "limit"}, "invalid_price"),
            ({"price": 100 * DOLLAR, "order_type": "market"}, "invalid_price"),
            ({"price": 100 * DOLLAR + 1}, "price_not_on_tick"),
            ({"price": 110 * DOLLAR + 100}, "price_outside_collar"),
            ({"price": 90 * DOLLAR - 100}, "price_outside_collar"),
        ],
    )
    def test_has_the_reason_of_the_first_check_that_failed(
        self, desk: Desk, wrong: dict[str, Any], expected: str
    ) -> None:
        order: dict[str, Any] = {"side": "buy", "quantity": 10, "price": 100 * DOLLAR}
        assert reason(desk.new(**(order | wrong))) == expected
        assert desk.resting() == []

    @pytest.mark.parametrize("price", [90 * DOLLAR, 110 * DOLLAR])
    def test_spares_the_bounds_of_the_collar(self, desk: Desk, price: int) -> None:
        assert kinds(desk.new("buy", 10, price)) == [Accepted]

    @pytest.mark.parametrize("order_id", [5, 4])
    def test_of_an_id_that_does_not_rise(self, desk: Desk, order_id: int) -> None:
        desk.new("buy", 10, 100 * DOLLAR, order_id=5)
        assert reason(desk.new("sell", 10, 100 * DOLLAR, order_id=order_id)) == "duplicate_id"
        assert kinds(desk.new("buy", 10, 100 * DOLLAR, order_id=order_id, trader_id=2)) == [Accepted]

    def test_uses_up_the_id_too(self, desk: Desk) -> None:
        desk.new("short", 10, 100 * DOLLAR, order_id=5)
        assert reason(desk.new("buy", 10, 100 * DOLLAR, order_id=5)) == "duplicate_id"

    def test_of_an_unknown_symbol_has_no_sequence_and_leaves_no_trace(self) -> None:
        exchange = Exchange()
        for _ in range(2):
            (event,) = Desk(SymbolMarket("NONE")).new("buy", 10, 100 * DOLLAR)
            assert exchange.apply(CancelOrder(order_id=1, trader_id=1, symbol="NONE", event_time=OPEN)) == [event]
            assert event == Rejected(order_id=1, trader_id=1, symbol="NONE", reason="unknown_symbol", event_time=OPEN)
        assert exchange.markets == {}

    def test_of_orders_while_closed_but_not_of_cancels(self, desk: Desk) -> None:
        desk.new("buy", 10, 100 * DOLLAR)
        desk.session("closed")
        assert reason(desk.new("buy", 10, 100 * DOLLAR)) == "market_closed"
        assert kinds(desk.cancel(1)) == [Cancelled]

    def test_before_the_first_session(self) -> None:
        desk = Desk(SymbolMarket("ACME"))
        desk.define()
        assert reason(desk.new("buy", 10, 100 * DOLLAR)) == "market_closed"

    def test_where_no_reference_price_is_known(self) -> None:
        desk = Desk(SymbolMarket("ACME"))
        desk.define()
        (status,) = desk.session("continuous")
        assert isinstance(status, MarketStatus)
        assert status.upper_price is None
        assert reason(desk.new("buy", 10, 100 * DOLLAR)) == "no_reference_price"


class TestCancel:
    def test_takes_off_what_is_left(self, bare: Desk) -> None:
        bare.new("buy", 10, 100 * DOLLAR)
        bare.new("sell", 4, 100 * DOLLAR)
        (event,) = bare.cancel(1)
        assert isinstance(event, Cancelled)
        assert (event.quantity, event.reason) == (6, "requested")
        assert bare.resting() == []

    @pytest.mark.parametrize(("order_id", "trader_id"), [(1, 2), (2, 1)])
    def test_of_anothers_or_no_order_changes_nothing(self, bare: Desk, order_id: int, trader_id: int) -> None:
        bare.new("buy", 10, 100 * DOLLAR)
        assert reason(bare.cancel(order_id, trader_id)) == "unknown_order"
        assert bare.resting() == [(1, 10)]


class TestSession:
    def test_opening_tells_the_collar_rounded_inwards_to_ticks(self, desk: Desk) -> None:
        desk.define(tick_size=300, collar_bps=333)
        (status,) = desk.session("continuous", reference=1_000_000)
        assert isinstance(status, MarketStatus)
        assert (status.lower_price, status.upper_price) == (966_900, 1_033_200)  # of 966,700 and 1,033,300

    def test_without_a_reference_price_the_last_trades_price_is_taken(self, desk: Desk) -> None:
        desk.new("sell", 10, 105 * DOLLAR)
        desk.new("buy", 10, 105 * DOLLAR)
        (status,) = desk.session("continuous", date="2026-01-05")
        assert isinstance(status, MarketStatus)
        assert (status.reference_price, status.upper_price) == (105 * DOLLAR, 1_155_000)

    def test_the_close_expires_day_orders_oldest_first_and_keeps_the_others(self, desk: Desk) -> None:
        desk.new("sell", 10, 105 * DOLLAR, time_in_force="day")
        desk.new("buy", 10, 99 * DOLLAR, time_in_force="day")
        desk.new("buy", 10, 100 * DOLLAR, time_in_force="day")
        desk.new("buy", 10, 98 * DOLLAR, time_in_force="gtc")
        status, *expired = desk.session("closed")
        assert isinstance(status, MarketStatus)
        assert status.upper_price is None
        assert [(type(e), e.order_id) for e in expired] == [  # type: ignore[union-attr]
            (Expired, 1),
            (Expired, 2),
            (Expired, 3),
        ]
        assert desk.resting() == [(4, 10)]

    def test_the_next_days_opening_starts_the_volume_anew_but_a_reopening_does_not(self, desk: Desk) -> None:
        desk.new("sell", 10, 100 * DOLLAR)
        desk.new("buy", 10, 100 * DOLLAR)
        desk.session("closed")
        desk.session("continuous")
        assert desk.market.price().volume == 10
        desk.session("closed")
        desk.session("continuous", date="2026-01-05")
        assert desk.market.price().volume == 0

    def test_an_opening_takes_off_what_lies_outside_the_new_collar(self, desk: Desk) -> None:
        desk.new("buy", 10, 91 * DOLLAR)
        desk.new("sell", 10, 101 * DOLLAR)
        desk.session("closed")
        _, gone = desk.session("continuous", reference=110 * DOLLAR)
        assert isinstance(gone, Cancelled)
        assert (gone.order_id, gone.reason) == (1, "price_outside_collar")
        assert desk.resting() == [(2, 10)]

    def test_new_rules_hold_at_once_but_the_collar_stays_until_the_next_opening(self, desk: Desk) -> None:
        assert desk.define(lot_size=1, collar_bps=100) == []
        assert kinds(desk.new("buy", 7, 91 * DOLLAR)) == [Accepted]
        desk.session("continuous", reference=100 * DOLLAR)
        assert reason(desk.new("buy", 7, 91 * DOLLAR)) == "price_outside_collar"

    def test_a_market_order_trades_within_the_collar_only(self, desk: Desk) -> None:
        desk.new("sell", 10, 110 * DOLLAR)
        _, trade = desk.new("buy", 10)
        assert isinstance(trade, Trade)
        assert trade.price == 110 * DOLLAR

    def test_a_bare_market_obeys_sessions_too(self, bare: Desk) -> None:
        bare.session("closed")
        assert reason(bare.new("buy", 1, DOLLAR)) == "market_closed"
        bare.session("continuous")
        assert kinds(bare.new("buy", 1, DOLLAR)) == [Accepted]


class TestTime:
    def test_is_the_greatest_seen_and_never_goes_back(self, bare: Desk) -> None:
        assert bare.send(Clock(symbol="ACME", event_time=OPEN + 100)) == []
        (event,) = bare.new("buy", 1, DOLLAR, event_time=OPEN)
        assert event.event_time == OPEN + 100
        assert bare.market.now == OPEN + 100


class TestSnapshot:
    def test_has_bids_first_and_each_side_in_priority_order(self, bare: Desk) -> None:
        for side, price in (("sell", 102), ("buy", 99), ("sell", 101), ("buy", 100), ("buy", 100)):
            bare.new(side, 1, price * DOLLAR)
        (part,) = bare.market.snapshot()
        assert [order.order_id for order in part.orders] == [4, 5, 2, 3, 1]
        assert part.orders[0] == RestingOrder(order_id=4, trader_id=1, side="buy", price=100 * DOLLAR, quantity=1)
        assert (part.part, part.parts, part.last_sequence) == (1, 1, 5)

    def test_of_an_empty_book_is_one_empty_part(self, bare: Desk) -> None:
        (part,) = bare.market.snapshot()
        assert (part.orders, part.part, part.parts) == ([], 1, 1)

    def test_of_a_large_book_comes_in_parts(self, bare: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(views, "SNAPSHOT_ORDERS", 2)
        for _ in range(5):
            bare.new("buy", 1, DOLLAR)
        parts = bare.market.snapshot()
        assert [(part.part, part.parts, len(part.orders)) for part in parts] == [(1, 3, 2), (2, 3, 2), (3, 3, 1)]


def test_quantities_at_the_edge_of_64_bits_add_up(bare: Desk) -> None:
    for _ in range(3):
        bare.new("buy", MAX_INT64, 100 * DOLLAR)
    assert bare.market.price().bid_quantity == 3 * MAX_INT64
    assert SymbolMarket.load(bare.market.dump()).price() == bare.market.price()
