import datetime as dt

import pytest

from simulators.calendar import trading_day
from simulators.fundamentals import day_path
from simulators.traders import (
    PROFILES,
    Action,
    View,
    agenda,
    decide,
    first_order_id,
    order_date,
    role,
    stale,
    valuation,
)
from streaming.contracts.codec import MINUTE
from streaming.contracts.reference import instruments, traders

DAY = trading_day(dt.date(2026, 11, 20))
SYMBOLS = [instrument.symbol for instrument in instruments()]
ADA = next(trader for trader in traders() if trader.kind == "simulated")


def action(noise: float = 0.0, margin: float = 0.5, style: float = 0.9, quantity: int = 10) -> Action:
    return Action(DAY.open + 1, 1001, "ACME", noise, margin, style, quantity)


def view(bid: int | None = None, ask: int | None = None, last: int = 1_000_000) -> View:
    return View(100, 800_000, 1_200_000, last, float(last), bid, ask)


def test_values_are_a_function_of_seed_symbol_date_and_reference_price() -> None:
    acme, blue = instruments()[:2]
    path = day_path(7, acme, DAY.date, 1_000_000, 390)
    assert path == day_path(7, acme, DAY.date, 1_000_000, 390)
    assert len(path) == 390
    assert all(type(value) is int and 850_000 <= value <= 1_150_000 for value in path)
    others = [
        day_path(8, acme, DAY.date, 1_000_000, 390),
        day_path(7, blue, DAY.date, 1_000_000, 390),
        day_path(7, acme, dt.date(2026, 11, 19), 1_000_000, 390),
    ]
    assert path not in others


def test_symbols_move_together_through_the_market_factor() -> None:
    # One factor and own noise: on average over many days the returns of two symbols have the same sign more often.
    acme, jade = instruments()[0], next(item for item in instruments() if item.symbol == "JADE")
    together = 0
    for ordinal in range(739_000, 739_200):
        date = dt.date.fromordinal(ordinal)
        first, second = (day_path(7, item, date, item.initial_price, 390) for item in (acme, jade))
        together += (first[-1] > first[0]) == (second[-1] > second[0])
    assert together > 110


def test_values_revert_to_the_first_price() -> None:
    acme = instruments()[0]
    ends = [day_path(7, acme, dt.date.fromordinal(n), 2_000_000, 390)[-1] for n in range(739_000, 739_200)]
    assert sum(ends) / len(ends) < 1_990_000  # from twice the first price the pull is about 1.1 % a day


def test_an_agenda_is_a_function_of_seed_trader_and_day() -> None:
    mine = agenda(7, ADA, DAY, SYMBOLS, 240, 30_000)
    assert mine == agenda(7, ADA, DAY, SYMBOLS, 240, 30_000)
    assert mine != agenda(8, ADA, DAY, SYMBOLS, 240, 30_000)
    assert 80 < len(mine) < 180
    assert mine == sorted(mine)
    for turn in mine:
        assert DAY.open < turn.time < DAY.close
        assert turn.time % MINUTE != MINUTE - 1  # the clock's
        assert turn.quantity >= 1


def test_there_is_more_trading_at_the_open_and_the_close_than_at_noon() -> None:
    turns = agenda(7, ADA, DAY, SYMBOLS, 1, 100_000)
    counts = [0, 0, 0]
    for turn in turns:
        counts[(turn.time - DAY.open) * 3 // (DAY.close - DAY.open)] += 1
    assert counts[0] > 1.5 * counts[1]
    assert counts[2] > 1.5 * counts[1]


def test_a_half_day_has_fewer_orders() -> None:
    half = trading_day(dt.date(2026, 11, 27))
    turns = agenda(7, ADA, half, SYMBOLS, 1, 100_000)
    assert 50_000 < len(turns) < 57_000
    assert all(half.open < turn.time < half.close for turn in turns)


def test_roles_swap_from_day_to_day_and_split_the_traders_in_half() -> None:
    today, tomorrow = dt.date(2026, 11, 19), dt.date(2026, 11, 20)
    assert {role(1001, today), role(1001, tomorrow)} == {"buy", "sell"}
    assert [role(trader, today) for trader in range(1001, 1241)].count("buy") == 120


def test_order_ids_rise_and_tell_trader_and_date() -> None:
    first = first_order_id(1001, dt.date(2026, 11, 20)) + 1
    assert first < first_order_id(1001, dt.date(2026, 11, 23)) < first_order_id(1002, dt.date(2020, 1, 2)) < 2**53
    assert order_date(first) == dt.date(2026, 11, 20)


@pytest.mark.parametrize("margin", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("profile", PROFILES.values())
def test_nobody_gives_away_more_than_a_share_is_worth_to_them(margin: float, profile: object) -> None:
    worth = 1_000_050.0
    buy = decide(action(margin=margin), profile, "buy", worth, view())  # type: ignore[arg-type]
    sell = decide(action(margin=margin), profile, "sell", worth, view())  # type: ignore[arg-type]
    assert buy.price is not None
    assert sell.price is not None
    assert buy.price <= worth <= sell.price
    assert buy.price % 100 == sell.price % 100 == 0


def test_a_price_they_like_is_taken() -> None:
    bold = PROFILES["bold"]
    assert decide(action(style=0.9), bold, "buy", 1_000_000, view(ask=999_900)).price == 999_900
    assert decide(action(style=0.1), bold, "buy", 1_000_000, view(ask=999_900)).price is None
    assert decide(action(style=0.9), bold, "sell", 1_000_000, view(bid=1_000_100)).price == 1_000_100
    assert decide(action(style=0.1), bold, "sell", 1_000_000, view(bid=1_000_100)).price is None


def test_quotes_stay_inside_the_collar() -> None:
    assert decide(action(), PROFILES["bold"], "buy", 1_900_000, view()).price == 1_200_000
    assert decide(action(), PROFILES["bold"], "sell", 500_000, view()).price == 800_000


def test_bold_traders_follow_a_trend_and_cautious_ones_trade_against_it() -> None:
    rising = View(100, 800_000, 1_200_000, 1_010_000, 1_000_000.0)
    flat = View(100, 800_000, 1_200_000, 1_010_000, 1_010_000.0)
    for name, more in (("bold", True), ("cautious", False)):
        change = valuation(action(), PROFILES[name], 1_005_000, rising) - valuation(
            action(), PROFILES[name], 1_005_000, flat
        )
        assert (change > 0) is more


def test_an_order_is_stale_when_it_waited_long_or_promises_too_much() -> None:
    profile = PROFILES["balanced"]
    assert stale(profile.patience + 1, 1_000_000, "buy", profile, 1_000_100)
    assert stale(0, 1_000_200, "buy", profile, 1_000_100)
    assert stale(0, 1_000_000, "sell", profile, 1_000_100)
    assert not stale(0, 1_000_000, "buy", profile, 1_000_100)


def test_the_trend_follows_the_price() -> None:
    seen = view()
    seen.see(1_100_000, 1_099_900, 1_100_100)
    seen.minute_over(60)
    assert 1_099_000 < seen.trend < 1_100_000
    seen.see(None, None, None)
    assert (seen.last, seen.bid, seen.ask) == (1_100_000, None, None)
