"""Reference data: what a new exchange starts with makes sense."""

from decimal import Decimal

import pytest

from streaming.contracts.money import MAX_INT64, from_decimal, to_decimal
from streaming.contracts.reference import instruments, traders


def test_at_least_ten_symbols_and_two_hundred_simulated_traders() -> None:
    assert len({instrument.symbol for instrument in instruments()}) == len(instruments()) >= 10
    assert len({trader.trader_id for trader in traders() if trader.kind == "simulated"}) >= 200


def test_initial_prices_lie_on_the_tick() -> None:
    assert all(i.initial_price % i.tick_size == 0 for i in instruments())


def test_all_the_money_there_is_fits_an_int64() -> None:
    cash = sum(trader.cash for trader in traders())
    holdings = sum(trader.shares * i.initial_price * 100 for trader in traders() for i in instruments())
    assert cash + holdings < MAX_INT64


@pytest.mark.parametrize("amount", [0, 1, 1_000_500, -42, MAX_INT64])
def test_money_survives_the_way_to_decimal_and_back(amount: int) -> None:
    assert from_decimal(to_decimal(amount)) == amount


def test_money_finer_than_the_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 4 decimal places"):
        from_decimal(Decimal("1.00001"))
