"""Auctions worked out by hand, for both markets. Prices are in ticks of 1 cent."""

from __future__ import annotations

from itertools import count

import pytest

from streaming.contracts.commands import DefineInstrument, NewOrder, Session, SetSession
from streaming.contracts.events import BookEvent, Cancelled, Expired, MarketStatus, Price, RestingOrder, Trade
from streaming.matching.exchange import SymbolMarket
from tests.reference.market import ReferenceMarket

TICK = 100
Shares = tuple[int, int | None]
"""Quantity and price in ticks; without a price it is a market order."""


class Floor:
    """A market before its opening; buyers are trader 1, sellers trader 2, and each order's id is its number."""

    def __init__(self, market: ReferenceMarket | SymbolMarket) -> None:
        self.market = market
        self.ids = count(1)

    def begin(self, session: Session, reference: int | None = None) -> list[BookEvent]:
        price = None if reference is None else reference * TICK
        return self.market.apply(
            SetSession(
                symbol="ACME", session=session, trading_date="2026-01-02", reference_price=price, event_time=1_000_000
            )
        )

    def send(self, side: str, quantity: int, ticks: int | None, display: int | None = None, force: str = "gtc") -> None:
        order = NewOrder(
            order_id=next(self.ids),
            trader_id=1 if side == "buy" else 2,
            symbol="ACME",
            side=side,
            order_type="market" if ticks is None else "limit",
            time_in_force=force,
            price=None if ticks is None else ticks * TICK,
            quantity=quantity,
            display_quantity=display,
            event_time=1_000_000,
        )
        assert len(self.market.apply(order)) == 1

    def resting(self) -> list[RestingOrder]:
        if isinstance(self.market, ReferenceMarket):
            return self.market.resting()
        return [order for part in self.market.snapshot() for order in part.orders]

    def clear(self) -> tuple[int | None, int | None]:
        """Price in ticks and shares of the opening auction: the trades, the status and the indication agree on it."""
        indication: Price = self.market.price()
        events = self.begin("continuous")
        trades = [event for event in events if isinstance(event, Trade)]
        (status,) = [event for event in events if isinstance(event, MarketStatus)]
        assert {trade.price for trade in trades} == ({status.auction_price} if trades else set())
        assert sum(trade.quantity for trade in trades) == (status.auction_quantity or 0)
        assert (indication.indicative_price, indication.indicative_quantity) == (
            status.auction_price,
            status.auction_quantity,
        )
        price = status.auction_price
        return (None if price is None else price // TICK), status.auction_quantity


@pytest.fixture(params=[ReferenceMarket, SymbolMarket], ids=["reference", "fast"])
def floor(request: pytest.FixtureRequest) -> Floor:
    floor = Floor(request.param("ACME", bare=False))
    floor.market.apply(
        DefineInstrument(
            symbol="ACME", tick_size=TICK, lot_size=1, max_quantity=10_000, collar_bps=5_000, event_time=1_000_000
        )
    )
    return floor


@pytest.mark.parametrize(
    ("bids", "asks", "reference", "expected"),
    [
        pytest.param(
            [(500, 640), (500, 639), (500, 639), (1000, 634), (500, 633)],
            [(1000, 610), (500, 640), (520, 641), (550, 642), (519, 643)],
            620,
            (639, 1000),
            id="demand and supply meet at one price",
        ),
        pytest.param([(10, 100)], [(10, 100)], 103, (100, 10), id="one price"),
        pytest.param([(10, 99)], [(10, 100)], 100, (None, None), id="does not cross"),
        pytest.param([(10, 100)], [], 100, (None, None), id="one side only"),
        pytest.param([], [], 100, (None, None), id="nobody"),
        pytest.param([(10, None)], [(4, None)], 97, (97, 4), id="market orders only trade at the reference"),
        pytest.param([(10, None)], [(4, 95)], 97, (97, 4), id="the highest price is the reference"),
        pytest.param([(4, None)], [(10, 99)], 97, (99, 4), id="a market order pays what is asked"),
        pytest.param([(15, 103)], [(10, 99)], 99, (103, 10), id="pressure of buyers: the highest"),
        pytest.param([(10, 103)], [(15, 99)], 103, (99, 10), id="pressure of sellers: the lowest"),
        pytest.param([(10, 103)], [(10, 99)], 101, (101, 10), id="balanced: the reference"),
        pytest.param([(10, 103)], [(10, 99)], 90, (99, 10), id="balanced: the nearest from below"),
        pytest.param([(10, 103)], [(10, 99)], 110, (103, 10), id="balanced: the nearest from above"),
        pytest.param(
            [(10, 102), (5, 100)],
            [(10, 99), (5, 101)],
            101,
            (101, 10),
            id="surplus of 5 on one side, then on the other",
        ),
        pytest.param(
            [(10, 102), (5, 101)], [(10, 100), (5, 102)], 101, (101, 10), id="equal surplus both ways: the reference"
        ),
        pytest.param(
            [(10, 102), (5, 101)], [(10, 100), (5, 102)], 104, (102, 10), id="equal surplus both ways: the nearest"
        ),
        pytest.param([(10, 103)], [(10, 100), (5, 102)], 103, (101, 10), id="equal surplus on two prices: the nearer"),
        pytest.param([(10, 102), (5, 101)], [(10, 100)], 101, (102, 10), id="the least surplus before the reference"),
    ],
)
def test_clears_at(
    floor: Floor, bids: list[Shares], asks: list[Shares], reference: int, expected: tuple[int | None, int | None]
) -> None:
    floor.begin("pre_open", reference)
    for quantity, price in bids:
        floor.send("buy", quantity, price)
    for quantity, price in asks:
        floor.send("sell", quantity, price)
    assert floor.clear() == expected


def test_an_iceberg_takes_part_with_all_it_has_and_shows_the_next_part(floor: Floor) -> None:
    floor.begin("pre_open", 100)
    floor.send("buy", 30, 100, display=10)
    floor.send("buy", 10, 100)
    floor.send("sell", 14, 100)
    assert floor.clear() == (100, 14)
    assert [(o.order_id, o.quantity, o.shown_quantity) for o in floor.resting()] == [(1, 16, 10), (2, 10, None)]


def test_the_shown_part_of_an_iceberg_is_less_by_what_it_traded(floor: Floor) -> None:
    floor.begin("pre_open", 100)
    floor.send("sell", 30, 100, display=10)
    floor.send("buy", 3, 100)
    assert floor.clear() == (100, 3)
    assert [(o.quantity, o.shown_quantity) for o in floor.resting()] == [(27, 7)]


def test_what_is_left_of_opening_and_market_orders_goes(floor: Floor) -> None:
    floor.begin("pre_open", 100)
    floor.send("buy", 10, 100, force="at_the_open")
    floor.send("buy", 10, None, force="at_the_open")
    floor.send("buy", 10, 100)
    floor.send("sell", 25, 100)
    floor.send("sell", 10, 105, force="at_the_open")
    events = floor.begin("continuous")
    assert [e.quantity for e in events if isinstance(e, Trade)] == [10, 10, 5]
    assert [type(e) for e in events[3:]] == [Expired, MarketStatus]
    assert [o.order_id for o in floor.resting()] == [3]


def test_market_orders_are_filled_by_place_and_the_rest_is_cancelled(floor: Floor) -> None:
    floor.begin("opening_auction", 100)
    for quantity in (5, 6, 7):
        floor.send("buy", quantity, None)
    floor.send("sell", 8, 100)
    events = floor.begin("continuous")
    assert [(e.buy_order_id, e.quantity) for e in events if isinstance(e, Trade)] == [(1, 5), (2, 3)]
    assert [(e.order_id, e.quantity) for e in events if isinstance(e, Cancelled)] == [(2, 3), (3, 7)]


def test_the_closing_auction_takes_the_parked_orders_and_the_reference_is_the_last_trade(floor: Floor) -> None:
    floor.begin("continuous", 100)
    floor.send("buy", 5, None, force="at_the_close")
    floor.send("sell", 8, None, force="at_the_close")
    floor.send("sell", 1, 102)
    assert floor.market.price().indicative_price is None
    floor.market.apply(
        NewOrder(
            order_id=9,
            trader_id=3,
            symbol="ACME",
            side="buy",
            order_type="limit",
            price=102 * TICK,
            quantity=1,
            event_time=1_000_000,
        )
    )
    floor.begin("closing_auction")
    price = floor.market.price()
    assert (price.indicative_price, price.indicative_quantity) == (102 * TICK, 5)
    assert (price.bid_price, price.ask_price) == (None, None)
    events = floor.begin("closed")
    assert [(e.price, e.quantity) for e in events if isinstance(e, Trade)] == [(102 * TICK, 5)]
    assert [e.quantity for e in events if isinstance(e, Cancelled)] == [3]
