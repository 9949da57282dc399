"""Each statistic of orders, trades and the book on data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.realism import flow, returns
from tests.unit.realism.samples import fractional, holds

MINUTE = 60_000_000
OPENS = np.array([0, 10**12])
MINUTES = np.array([390, 390])


def times(gaps: np.ndarray, opens: np.ndarray = OPENS) -> np.ndarray:
    """Arrivals with these gaps (microseconds) on every day."""
    once = np.cumsum(gaps).astype(np.int64)
    return np.concatenate([open_ + once[once < 390 * MINUTE] for open_ in opens])


def test_a_poisson_process_is_recognised_even_with_a_days_shape() -> None:
    random = np.random.default_rng(1)
    even = times(random.exponential(5e5, size=50_000))
    shape = flow.weibull_shape(flow.business_gaps(even, OPENS, MINUTES, MINUTE))
    assert shape == pytest.approx(1, abs=0.02)
    assert not holds("arrivals.shape", shape)
    place = np.sort(random.random((2, 40_000)) ** 2, axis=1) * 390 * MINUTE  # much busier in the morning
    uneven = np.concatenate([OPENS[0] + place[0].astype(np.int64), OPENS[1] + place[1].astype(np.int64)])
    assert flow.weibull_shape(np.diff(uneven)[np.diff(uneven) > 0]) < 0.9
    assert not holds("arrivals.shape", flow.weibull_shape(flow.business_gaps(uneven, OPENS, MINUTES, MINUTE)))


def test_bursts_are_recognised() -> None:
    bursts = times(np.random.default_rng(2).weibull(0.6, size=50_000) * 5e5)
    shape = flow.weibull_shape(flow.business_gaps(bursts, OPENS, MINUTES, MINUTE))
    assert shape == pytest.approx(0.6, abs=0.05)
    assert holds("arrivals.shape", shape)


def test_arrivals_at_one_moment_and_outside_the_day_count_once_or_not_at_all() -> None:
    apart = times(np.full(100, 10_000_000.0))
    doubled = np.sort(np.concatenate([apart, apart, [OPENS[1] - MINUTE, OPENS[1] + 390 * MINUTE]]))
    gaps = flow.business_gaps(doubled, OPENS, MINUTES, MINUTE)
    np.testing.assert_allclose(gaps, flow.business_gaps(apart, OPENS, MINUTES, MINUTE))
    assert gaps.size == 2 * 99


def autoregressive(factor: float) -> np.ndarray:
    noise = np.random.default_rng(3).normal(size=(20, 2340))
    series = np.zeros_like(noise)
    for place in range(1, noise.shape[1]):
        series[:, place] = factor * series[:, place - 1] + noise[:, place]
    return series


def test_the_half_life_of_an_autoregression() -> None:
    assert flow.half_life(autoregressive(0.9)) == pytest.approx(np.log(0.5) / np.log(0.9), rel=0.1)
    assert flow.half_life(np.tile([1.0, -1.0], (3, 50))) == 0


def test_a_spread_that_wanders_does_not_come_back() -> None:
    assert holds("spread.half_life", flow.half_life(autoregressive(0.9)) / 6)
    assert not holds("spread.half_life", flow.half_life(autoregressive(1.0)) / 6)
    growing = np.exp(np.linspace(0, 3, 500)) * np.ones((3, 1))
    assert flow.half_life(growing) > 100
    assert not holds("spread.positive", float(np.mean(np.array([1.0, 2.0, 0.0]) > 0)))


def test_signs_of_long_memory_hold_and_independent_or_short_ones_do_not() -> None:
    random = np.random.default_rng(4)

    def verdict(signs: np.ndarray) -> tuple[bool, bool]:
        rho = np.mean([returns.autocorrelation(row[None, :], 255) for row in signs], axis=0)
        return holds("signs.first", float(rho[0])), holds("signs.exponent", returns.decay_exponent(rho))

    long = np.sign([fractional(random, 20_000, 0.6) for _ in range(12)])
    assert verdict(long) == (True, True)
    assert verdict(random.choice([-1.0, 1.0], size=(12, 20_000))) == (False, False)
    stays = np.where(random.random((12, 20_000)) < 0.3, -1.0, 1.0)  # repeats its last sign with probability 0.7
    assert verdict(np.cumprod(stays, axis=1)) == (True, False)


def test_parents_are_runs_of_one_trader_on_one_side() -> None:
    found = flow.parents(
        time=np.array([0, 1, 2, 3, 4, 50, 51]),
        sign=np.array([1, -1, 1, 1, -1, 1, 1]),
        quantity=np.array([10, 5, 20, 7, 5, 1, 2]),
        trader=np.array([1, 2, 1, 3, 2, 1, 1]),
        mid=np.array([100.0, 101, 101, 102, 102, 100, 100]),
        mid_after=np.array([101.0, 101, 102, 102, 99, 100, np.nan]),
        longest=10,
    )
    assert found.quantity.tolist() == [30, 10]  # the single order and the one without a price after it are left out
    assert found.children.tolist() == [2, 2]
    np.testing.assert_allclose(found.impact, [np.log(102 / 100), -np.log(99 / 101)])


def test_no_orders_make_no_parents() -> None:
    none, nothing = np.empty(0, dtype=np.int64), np.empty(0)
    found = flow.parents(none, none, none, none, nothing, nothing, 10)
    assert found.quantity.size == 0
    assert np.isnan(flow.impact_exponent(found.quantity, found.impact)[0])


@pytest.mark.parametrize(("exponent", "concave"), [(0.5, True), (0.6, True), (1.0, False), (0.2, False)])
def test_the_exponent_of_impact(exponent: float, concave: bool) -> None:
    random = np.random.default_rng(5)
    size = 10 ** random.uniform(-4, -1, size=20_000)
    impact = size**exponent + random.normal(scale=0.3, size=size.size)
    found, error = flow.impact_exponent(size, impact)
    assert found == pytest.approx(exponent, abs=max(0.05, 3 * error))
    assert holds("impact.exponent", found) is concave


def test_impact_that_goes_the_wrong_way_does_not_hold() -> None:
    size = 10 ** np.random.default_rng(6).uniform(-4, -1, size=5_000)
    assert not holds("impact.exponent", flow.impact_exponent(size, -np.sqrt(size))[0])


def test_depth_is_summed_in_bins() -> None:
    assert flow.depth_profile(np.arange(7.0), 2, 4).tolist() == [1, 5, 9, 6]
    assert flow.depth_profile(np.arange(7.0), 2, 2).tolist() == [1, 5]


def test_the_hump_is_where_the_book_is_deepest() -> None:
    distance = np.arange(100.0)
    profile = (distance + 1) * np.exp(-distance / 5)
    deepest, ratio = flow.hump(profile)
    assert deepest == 4
    assert holds("depth.deepest", deepest)
    assert holds("depth.ratio", ratio)
    assert holds("depth.far", float(profile[-1] / profile[deepest]))


def test_a_falling_book_has_no_hump_and_a_rising_one_does_not_fall() -> None:
    falling = np.exp(-np.arange(100.0) / 5)
    deepest, ratio = flow.hump(falling)
    assert not holds("depth.deepest", deepest)
    assert not holds("depth.ratio", ratio)
    rising = np.arange(1.0, 101)
    assert not holds("depth.far", float(rising[-1] / rising[flow.hump(rising)[0]]))
