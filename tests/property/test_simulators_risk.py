"""Whatever is ordered, traded, cancelled and refused, in whatever order the answers come: nobody overspends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.risk import Account, Ledger, OpenOrder, RiskError
from streaming.contracts.commands import CancelOrder, DefineInstrument, NewOrder, SetSession
from streaming.contracts.events import BookEvent, Cancelled, Expired, Rejected, Trade
from streaming.matching.exchange import Exchange

BUYERS, SELLERS = (1, 2, 3), (4, 5, 6)
SYMBOLS = ("ACME", "BLUE")
CASH, SHARES = 400_000_000, 60

orders = st.tuples(
    st.sampled_from(BUYERS + SELLERS),
    st.sampled_from(SYMBOLS),
    st.one_of(st.none(), st.integers(9_000, 11_000)),
    st.integers(1, 40),
)
turns = st.lists(st.one_of(orders, st.integers(1, 200)), max_size=120)


def opened() -> Exchange:
    exchange = Exchange()
    for symbol in SYMBOLS:
        exchange.apply(
            DefineInstrument(symbol=symbol, tick_size=100, lot_size=1, max_quantity=30, collar_bps=1_000, event_time=1)
        )
        exchange.apply(
            SetSession(
                symbol=symbol,
                session="continuous",
                trading_date="2026-11-20",
                reference_price=1_000_000,
                event_time=2,
            )
        )
    return exchange


def new_ledger() -> Ledger:
    return Ledger({trader: Account(CASH, dict.fromkeys(SYMBOLS, SHARES)) for trader in BUYERS + SELLERS})


def check(ledger: Ledger) -> None:
    accounts = ledger.accounts.values()
    assert sum(account.cash for account in accounts) == CASH * len(ledger.accounts)
    for symbol in SYMBOLS:
        assert sum(account.shares[symbol] for account in accounts) == SHARES * len(ledger.accounts)
    for account in accounts:
        assert account.free_cash() >= 0
        assert account.reserved_cash >= 0
        assert all(account.free_shares(symbol) >= 0 for symbol in SYMBOLS)
        assert all(reserved >= 0 for reserved in account.reserved_shares.values())


@given(turns, st.randoms(use_true_random=False), st.integers(1, 40))
def test_balances_never_fall_below_zero_and_everything_is_released(turns: list[Any], random: Any, delay: int) -> None:
    exchange, ledger = opened(), new_ledger()
    answers: list[BookEvent] = []
    for number, turn in enumerate(turns, 1):
        if isinstance(turn, int):  # cancel some order, open or not
            symbol = SYMBOLS[turn % 2]
            trader = (BUYERS + SELLERS)[turn % 6]
            answers += exchange.apply(CancelOrder(order_id=turn, trader_id=trader, symbol=symbol, event_time=number))
        else:
            trader, symbol, ticks, quantity = turn
            side = "buy" if trader in BUYERS else "sell"
            price = None if ticks is None else ticks * 100
            unit_price = price or 1_100_000
            order = OpenOrder(number, trader, symbol, side, unit_price, quantity, 0)  # type: ignore[arg-type]
            if quantity > ledger.affordable(trader, symbol, side, unit_price):  # type: ignore[arg-type]
                with pytest.raises(RiskError, match="needs"):
                    ledger.reserve(order)
                continue
            ledger.reserve(order)
            answers += exchange.apply(
                NewOrder(
                    order_id=number,
                    trader_id=trader,
                    symbol=symbol,
                    side=side,
                    order_type="market" if price is None else "limit",
                    price=price,
                    quantity=quantity,
                    event_time=number,
                )
            )
        if len(answers) > delay:  # the answers come late, and those of different topics in any order
            random.shuffle(answers)
            for answer in answers:
                ledger.apply(answer)
            answers.clear()
        check(ledger)
    for answer in answers:
        ledger.apply(answer)
    for symbol in SYMBOLS:
        for event in exchange.apply(
            SetSession(symbol=symbol, session="closed", trading_date="2026-11-20", event_time=10**6)
        ):
            ledger.apply(event)
    resting = {order.order_id: order.quantity for market in exchange.markets.values() for order in market.book}
    assert {order.order_id: order.left for order in ledger.orders.values()} == resting  # good till cancelled
    check(ledger)


def buy(ledger: Ledger, quantity: int = 10) -> Account:
    ledger.reserve(OpenOrder(1, 1, "ACME", "buy", 1_000_000, quantity, 0))
    return ledger.accounts[1]


def test_a_fill_at_a_better_price_releases_the_difference() -> None:
    ledger = new_ledger()
    account = buy(ledger)
    ledger.apply(trade(price=990_000, quantity=4))
    assert account.cash == CASH - 4 * 990_000
    assert account.reserved_cash == 6 * 1_000_000


@pytest.mark.parametrize("reason", ["market_closed", "price_outside_collar"])
def test_a_rejection_releases_all(reason: Any) -> None:
    ledger = new_ledger()
    account = buy(ledger)
    ledger.apply(Rejected(order_id=1, trader_id=1, symbol="ACME", reason=reason, event_time=1))
    assert account.free_cash() == CASH


def test_a_cancel_that_came_too_late_releases_nothing() -> None:
    ledger = new_ledger()
    account = buy(ledger)
    ledger.apply(Rejected(order_id=1, trader_id=1, symbol="ACME", reason="unknown_order", event_time=1))
    assert account.reserved_cash == 10_000_000


@pytest.mark.parametrize("event", [Cancelled, Expired])
def test_what_is_cancelled_or_expires_is_released(event: Any) -> None:
    ledger = new_ledger()
    account = buy(ledger)
    more = {"reason": "requested"} if event is Cancelled else {}
    ledger.apply(event(sequence=1, order_id=1, trader_id=1, symbol="ACME", quantity=10, event_time=1, **more))
    assert account.free_cash() == CASH
    assert not ledger.orders


def test_more_than_an_order_had_left_is_an_error() -> None:
    ledger = new_ledger()
    buy(ledger, 3)
    with pytest.raises(RiskError, match="has 3 shares left, not 4"):
        ledger.apply(trade(price=990_000, quantity=4))


def test_a_trade_that_somebody_cannot_pay_is_an_error() -> None:
    with pytest.raises(RiskError, match="below zero"):
        new_ledger().apply(trade(price=CASH + 1, quantity=1))


def test_an_order_id_is_reserved_for_once() -> None:
    ledger = new_ledger()
    buy(ledger)
    with pytest.raises(RiskError, match="already open"):
        buy(ledger)


def trade(price: int, quantity: int) -> Trade:
    return Trade(
        sequence=2,
        trade_id="ACME-2",
        symbol="ACME",
        price=price,
        quantity=quantity,
        maker_order_id=9,
        taker_order_id=1,
        buyer_id=1,
        seller_id=4,
        aggressor_side="buy",
        event_time=1,
    )
