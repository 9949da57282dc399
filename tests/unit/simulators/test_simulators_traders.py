import datetime as dt
from itertools import pairwise

import numpy as np
import pytest

from simulators.agenda import GATHERING, parents, turns
from simulators.arrivals import arrivals
from simulators.behaviours import behaviour
from simulators.calendar import trading_day
from simulators.fundamentals import correlations, day_path
from simulators.population import load_population
from simulators.roster import Roster
from simulators.scenario import load_scenario
from simulators.traders import Turn, View, first_order_id, home, on_tick, order_date, pareto, role
from streaming.contracts.codec import MINUTE
from streaming.contracts.events import Price, Side
from streaming.contracts.reference import instruments, traders

DAY = trading_day(dt.date(2026, 11, 20))
PEOPLE = [trader for trader in traders() if trader.kind == "simulated"]
POPULATION = load_population()
MODEL = POPULATION.fundamental
ROSTER = Roster(POPULATION, PEOPLE)
GROUPS = {group.name: group for group in POPULATION.ordinary()}


def turn(normal: float = 0.0, style: float = 0.9, distance: float = 0.5, size: float = 1.0) -> Turn:
    return Turn(DAY.open + 1, "ACME", 1001, normal, style, distance, size)


def view(bid: int | None = 999_500, ask: int | None = 1_000_500, last: int = 1_000_000, shown: int = 50) -> View:
    return View(100, 800_000, 1_200_000, last, float(last), bid, ask, shown, shown)


def path(seed: int = 7, place: int = 0, date: dt.date = DAY.date, scenario: str = "calm") -> list[int]:
    item = instruments()[place]
    return day_path(seed, item, date, item.initial_price, 390, MODEL, load_scenario(scenario))


class TestTheValue:
    def test_is_a_function_of_seed_symbol_date_and_reference_price(self) -> None:
        assert path() == path()
        assert len(path()) == 390
        assert all(type(value) is int and 850_000 <= value <= 1_150_000 for value in path())
        assert path() not in [path(seed=8), path(place=1), path(date=dt.date(2026, 11, 19))]

    def test_moves_with_the_market_and_more_with_its_sector(self) -> None:
        sectors = [item.sector for item in instruments()][:10]
        dates = [dt.date.fromordinal(number) for number in range(739_000, 739_200)]
        moves = np.array([[np.log(p[-1] / p[0]) for p in (path(place=n, date=d) for n in range(10))] for d in dates])
        found = np.corrcoef(moves.T)
        pairs = [(i, j) for i in range(10) for j in range(i)]
        within = np.mean([found[pair] for pair in pairs if sectors[pair[0]] == sectors[pair[1]]])
        across = np.mean([found[pair] for pair in pairs if sectors[pair[0]] != sectors[pair[1]]])
        assert 0.1 < across < within - 0.1

    def test_reverts_to_the_first_price(self) -> None:
        item = instruments()[0]
        dates = [dt.date.fromordinal(number) for number in range(739_000, 739_200)]
        ends = [day_path(7, item, date, 2_000_000, 390, MODEL)[-1] for date in dates]
        assert sum(ends) / len(ends) < 1_995_000  # from twice the first price the pull is about 0.6 % a day

    def test_is_more_restless_on_some_days_than_on_others(self) -> None:
        dates = [dt.date.fromordinal(number) for number in range(739_000, 739_060)]
        spreads = [np.std(np.diff(np.log(path(date=date)))) for date in dates]
        assert max(spreads) > 2 * min(spreads)

    def test_follows_the_scenario(self) -> None:
        crash = np.array(path(scenario="crash_and_rebound")) / np.array(path())
        assert crash[int(0.45 * 390) + 55] < 0.94
        assert crash[-1] > 0.94
        technology = [item.sector == "Technology" for item in instruments()]
        for place, concerned in enumerate(technology):
            moved = path(place=place, scenario="news_shock")[110] / path(place=place)[110]
            assert (moved < 0.96) is concerned


class TestTurns:
    def test_are_a_function_of_seed_symbol_and_day(self) -> None:
        mine = turns(7, "ACME", 0, DAY, ROSTER)
        assert mine == turns(7, "ACME", 0, DAY, ROSTER)
        assert mine != turns(8, "ACME", 0, DAY, ROSTER)
        assert mine == sorted(mine)
        for one in mine:
            assert DAY.open - GATHERING * MINUTE < one.time < DAY.close
            assert one.size > 0

    def test_come_more_often_at_the_open_and_the_close_than_at_noon(self) -> None:
        times = arrivals(np.random.default_rng(1), POPULATION.market, 0, 390, 60_000.0)
        assert 57_000 < len(times) < 63_000
        first, noon, last = np.histogram(times, bins=3, range=(0, 390 * MINUTE))[0]
        assert first > 1.4 * noon
        assert last > 1.4 * noon

    def test_set_off_others(self) -> None:
        times = arrivals(np.random.default_rng(1), POPULATION.market, 0, 390, 5_000.0)
        counts = np.histogram(times, bins=390 * 2)[0]
        assert counts.var() > 2 * counts.mean()  # a Poisson process has 1

    def test_are_fewer_on_a_half_day(self) -> None:
        half = trading_day(dt.date(2026, 11, 27))
        whole, short = (len(turns(7, "ACME", 0, day, ROSTER)) for day in (DAY, half))
        assert 0.4 < short / whole < 0.7

    def test_a_large_order_is_worked_on_one_side_in_small_ones(self) -> None:
        busy = arrivals(np.random.default_rng(1), POPULATION.market, DAY.open, 390, 500.0)
        steps = [step for seed in range(20) for step in parents(seed, "ACME", DAY, ROSTER, busy)]
        orders = [step for step in steps if step.quantity]
        institutions = set(ROSTER.members("institutions"))
        assert len(orders) > 1_000
        assert {step.trader_id for step in orders} <= institutions
        assert {step.side for step in orders} == {"buy", "sell"}
        assert all(DAY.open <= step.time < DAY.close - 4 * MINUTE for step in steps)


class TestWho:
    def test_swaps_sides_from_day_to_day(self) -> None:
        today, tomorrow = dt.date(2026, 11, 19), dt.date(2026, 11, 20)
        assert {role(1001, today), role(1001, tomorrow)} == {"buy", "sell"}
        assert [role(trader, today) for trader in range(1001, 1241)].count("buy") == 120
        assert home(1001) == home(1003) != home(1002)

    def test_order_ids_rise_and_tell_trader_and_date(self) -> None:
        first = first_order_id(1001, dt.date(2026, 11, 20)) + 1
        assert first < first_order_id(1001, dt.date(2026, 11, 23)) < first_order_id(1002, dt.date(2020, 1, 2)) < 2**53
        assert order_date(first) == dt.date(2026, 11, 20)

    def test_every_account_is_in_one_group_and_every_symbol_has_makers(self) -> None:
        members = [trader for group in POPULATION.group for trader in ROSTER.members(group.name)]
        assert len(members) == len(set(members)) == 240
        for place in range(20):
            assert len({maker for maker, _ in ROSTER.makers_of(place)}) == 4


class TestBehaviours:
    @pytest.mark.parametrize("side", ["buy", "sell"])
    @pytest.mark.parametrize("name", list(GROUPS))
    def test_every_price_is_on_a_tick_and_every_quantity_positive(self, name: str, side: Side) -> None:
        decide = behaviour(GROUPS[name])
        chance = np.random.default_rng(3)
        answered = 0
        for _ in range(300):
            seen = view(last=int(chance.integers(990_000, 1_010_000)))
            seen.jump, seen.trend = float(chance.normal() * 1_000), 1_000_000.0 + float(chance.normal() * 2_000)
            drawn = turn(*chance.normal(size=1).tolist(), *chance.random(2).tolist(), pareto(float(chance.random()), 2))
            wish = decide.decide(drawn, side, seen, 1_000_000)
            if wish is not None:
                answered += 1
                assert wish.side == side
                assert wish.quantity >= 1
                assert wish.price is None or (wish.price > 0 and wish.price % 100 == 0)
        assert answered > 30

    def test_nobody_takes_more_than_is_shown_with_a_market_order(self) -> None:
        noise = behaviour(GROUPS["noise"])
        small = noise.decide(turn(style=0.0, size=1), "buy", view(shown=50), 1_000_000)
        large = noise.decide(turn(style=0.0, size=9), "buy", view(shown=50), 1_000_000)
        assert small is not None
        assert large is not None
        assert small.price is None
        assert (large.price, large.quantity) == (1_000_500, 198)

    def test_a_value_trader_takes_what_is_cheap_and_waits_below_what_is_dear(self) -> None:
        value = behaviour(GROUPS["value"])
        cheap = value.decide(turn(), "buy", view(), 1_010_000)
        dear = value.decide(turn(), "buy", view(), 990_000)
        assert cheap is not None
        assert dear is not None
        assert cheap.price == 1_000_500
        assert dear.price is not None
        assert dear.price < 990_000

    def test_momentum_follows_a_trend_and_a_contrarian_leans_against_it(self) -> None:
        rising = view()
        rising.trend = 996_000.0
        momentum, contrarian = behaviour(GROUPS["momentum"]), behaviour(GROUPS["contrarian"])
        assert momentum.decide(turn(), "buy", rising, 0) is not None
        assert momentum.decide(turn(), "sell", rising, 0) is None
        assert contrarian.decide(turn(), "buy", rising, 0) is None
        assert contrarian.decide(turn(), "sell", rising, 0) is not None

    def test_retail_comes_in_herds(self) -> None:
        retail = behaviour(GROUPS["retail"])
        quiet, moved = view(), view()
        moved.jump = 2 * moved.move
        chance = np.random.default_rng(5).random((500, 2)).tolist()
        counts = [
            sum(retail.decide(turn(0, style, distance), "buy", seen, 0) is not None for style, distance in chance)
            for seen in (quiet, moved)
        ]
        assert counts[1] > 1.8 * counts[0]

    def test_a_market_maker_leans_against_its_inventory_and_widens_when_prices_are_restless(self) -> None:
        maker = ROSTER.makers[ROSTER.makers_of(0)[0][0]]
        flat = maker.quotes(turn(), view(), 1_000_000, 0)
        long = maker.quotes(turn(), view(), 1_000_000, 2_000)
        assert flat.bid < 1_000_000 < flat.ask
        assert long.bid < flat.bid
        assert long.ask < flat.ask
        restless = view()
        restless.move *= 3
        wide = maker.quotes(turn(), restless, 1_000_000, 0)
        assert wide.ask - wide.bid > 2 * (flat.ask - flat.bid)


def test_the_trend_follows_the_price() -> None:
    seen = view()
    first = Price(
        symbol="ACME",
        last_sequence=1,
        last_price=1_100_000,
        bid_price=1_099_900,
        ask_price=1_100_100,
        volume=1,
        event_time=1,
    )
    seen.see(first)
    seen.minute_over(60)
    assert 1_099_000 < seen.trend < 1_100_000
    seen.see(Price(symbol="ACME", last_sequence=2, volume=1, event_time=2))
    assert (seen.last, seen.bid, seen.ask) == (1_100_000, None, None)


def test_a_price_is_rounded_away_from_the_other_side() -> None:
    assert on_tick(1_000_050.5, 100, "buy") == 1_000_000
    assert on_tick(1_000_050.5, 100, "sell") == 1_000_100


def test_paretos_numbers_have_mean_one_and_rise_with_the_draw() -> None:
    draws = [number / 10_000 for number in range(10_000)]
    numbers = [pareto(draw, 2.5) for draw in draws]
    assert 0.97 < sum(numbers) / len(numbers) < 1.01
    assert all(first <= second for first, second in pairwise(numbers))


def test_the_models_correlations_are_those_of_its_values() -> None:
    listed = instruments()[:6]
    expected = correlations(listed, MODEL)
    dates = [dt.date.fromordinal(number) for number in range(739_000, 739_250)]
    moves = np.array([[np.log(p[-1] / p[0]) for p in (path(place=n, date=d) for n in range(6))] for d in dates])
    assert np.allclose(np.diag(expected), 1)
    assert np.abs(np.corrcoef(moves.T) - expected).max() < 0.2  # three standard errors of 250 days
