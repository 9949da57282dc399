"""Each statistic of prices on data whose answer is known, with a case in which the fact does not hold."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.realism import real, returns
from tests.unit.realism.samples import Floats, fractional, holds

DAYS, MINUTES = 21, 390


def gaussian(seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(size=(DAYS, MINUTES))


def test_log_returns_stay_within_the_day() -> None:
    mid = np.array([[100.0, 110.0, 121.0, 133.1], [50.0, 50.0, np.nan, 50.0]])
    np.testing.assert_allclose(returns.log_returns(mid), np.log([[1.1, 1.1, 1.1], [1, np.nan, np.nan]]))
    np.testing.assert_allclose(returns.log_returns(mid, 2), np.log([[1.21], [np.nan]]))


def test_noise_has_no_autocorrelation_and_a_bouncing_price_has() -> None:
    noise = gaussian()
    assert holds("autocorrelation.largest", float(np.abs(returns.autocorrelation(noise, 30)).max()))
    bounce = np.diff(noise, axis=1)  # a price that is noise around a constant
    rho = returns.autocorrelation(bounce, 30)
    assert rho[0] == pytest.approx(-0.5, abs=0.03)
    assert not holds("autocorrelation.largest", float(np.abs(rho).max()))


def test_a_trend_is_autocorrelated_far_away() -> None:
    wave = np.sin(np.arange(MINUTES) / 60) + 0.5 * gaussian()
    assert not holds("autocorrelation.far", float(np.abs(returns.autocorrelation(wave, 30)[14:]).mean()))
    assert holds("autocorrelation.far", float(np.abs(returns.autocorrelation(gaussian(), 30)[14:]).mean()))


def test_autocorrelation_takes_no_pair_across_two_days() -> None:
    series = np.tile(np.repeat([1.0, -1.0], 5), (4, 1))
    series[:, -1] = np.nan
    assert returns.autocorrelation(series[:, :9], 1)[0] > 0.5
    alternating = np.array([[1.0, 1.0], [-1.0, -1.0]])  # across the night it would be -1
    assert returns.autocorrelation(alternating, 1)[0] == pytest.approx(1)


def test_only_fat_tails_have_kurtosis() -> None:
    assert returns.excess_kurtosis(gaussian()) == pytest.approx(0, abs=0.2)
    assert not holds("kurtosis.1", returns.excess_kurtosis(gaussian()))
    laplace = np.random.default_rng(1).laplace(size=(200, MINUTES))
    assert returns.excess_kurtosis(laplace) == pytest.approx(3, abs=0.4)
    student = np.random.default_rng(1).standard_t(3, size=(DAYS, MINUTES))
    assert holds("kurtosis.1", returns.excess_kurtosis(student))


def test_the_kurtosis_of_sums_falls_and_of_common_volatility_does_not() -> None:
    student = np.random.default_rng(2).standard_t(4, size=(DAYS, 4000))
    path = np.cumsum(student, axis=1)
    one, thirty = returns.excess_kurtosis(student), returns.excess_kurtosis(np.diff(path[:, ::30], axis=1))
    assert holds("kurtosis.from_5_to_30", thirty - one)
    days = np.random.default_rng(2).standard_t(4, size=(2000, 1)) / 100 * np.ones((1, 61))  # the same move all day
    walk = np.exp(np.cumsum(days, axis=1))
    five, thirty = (returns.excess_kurtosis(returns.log_returns(walk, step)) for step in (5, 30))
    assert thirty == pytest.approx(five)


@pytest.mark.parametrize(("short", "long"), [(1, 5), (5, 30)])
def test_rare_jumps_under_a_bounce_become_less_gaussian_with_the_horizon(short: int, long: int) -> None:
    random = np.random.default_rng(3)
    jumps = np.where(random.random((DAYS, 4000)) < 0.0005, random.choice([-50.0, 50.0], size=(DAYS, 4000)), 0)
    mid = np.exp(np.cumsum(jumps, axis=1) + 10 * random.normal(size=jumps.shape))
    less, more = (returns.excess_kurtosis(returns.log_returns(mid, step)) for step in (short, long))
    assert not holds(f"kurtosis.from_{short}_to_{long}", more - less)


def test_hill_knows_the_tail_of_student_and_pareto() -> None:
    random = np.random.default_rng(3)
    assert returns.hill(random.standard_t(3, size=200_000), 0.01) == pytest.approx(3, abs=0.3)
    assert returns.hill(random.pareto(1.5, size=200_000) + 1, 0.01) == pytest.approx(1.5, abs=0.1)
    assert holds("hill", returns.hill(random.standard_t(3, size=8190), 0.01))


def test_hill_finds_no_tail_in_a_gaussian_or_in_equal_sizes() -> None:
    assert not holds("hill", returns.hill(gaussian(), 0.01))
    assert not holds("hill", returns.hill(np.random.default_rng(3).standard_cauchy(8190), 0.01))
    assert not holds("order_size", returns.hill(np.full(5000, 100.0), 0.01))
    assert not holds("order_size", returns.hill(np.random.default_rng(3).exponential(size=50_000), 0.01))


@pytest.mark.parametrize(("decay", "low", "high"), [(0.2, 0.25, 0.45), (0.3, 0.33, 0.53), (0.4, 0.43, 0.6)])
def test_a_month_of_long_memory_measures_what_the_bounds_say(decay: float, low: float, high: float) -> None:
    random = np.random.default_rng(4)
    rho = np.zeros(127)
    for _ in range(12):  # symbols
        volatility = np.exp(fractional(random, DAYS * MINUTES, decay) / 2)
        moves = np.abs(volatility * random.normal(size=volatility.size)).reshape(DAYS, MINUTES)
        rho += returns.autocorrelation(moves, 127) / 12
    assert low < returns.decay_exponent(rho) < high
    assert holds("volatility.exponent", returns.decay_exponent(rho))
    assert holds("volatility.near", float(rho[:10].mean()))
    assert holds("volatility.far", float(rho[50:60].mean()))


def test_no_memory_and_short_memory_do_not_hold() -> None:
    rho = returns.autocorrelation(np.abs(gaussian()), 127)
    assert not holds("volatility.near", float(rho[:10].mean()))
    assert not holds("volatility.exponent", returns.decay_exponent(rho))
    short = 0.5 ** np.arange(1, 128)
    assert not holds("volatility.far", float(short[50:60].mean()))
    assert not holds("volatility.exponent", returns.decay_exponent(short))


def test_the_exponent_of_a_power_is_exact() -> None:
    lags = np.arange(1.0, 256)
    assert returns.decay_exponent(0.4 * lags**-0.5) == pytest.approx(0.5, abs=0.01)
    assert returns.decay_exponent(-lags) == np.inf


def test_garch_has_slow_decay_and_persistence_and_noise_has_not() -> None:
    from arch.univariate import GARCH, Normal, ZeroMean

    model = ZeroMean(volatility=GARCH(1, 0, 1), distribution=Normal(seed=5))
    series = model.simulate([0.02, 0.08, 0.9], DAYS * MINUTES)["data"].to_numpy()
    persistence, p = returns.garch(series)
    assert persistence == pytest.approx(0.98, abs=0.015)
    assert holds("garch.persistence", persistence)
    assert holds("garch.p", p)
    rho = returns.autocorrelation(np.abs(series)[None, :], 60)
    assert holds("volatility.near", float(rho[:10].mean()))
    assert rho[0] > rho[29] > 0
    assert not holds("garch.p", returns.garch(gaussian().ravel())[1])


def test_volatility_that_is_soon_forgotten_does_not_persist() -> None:
    from arch.univariate import ARCH, Normal, ZeroMean

    model = ZeroMean(volatility=ARCH(1), distribution=Normal(seed=6))
    series = model.simulate([0.5, 0.5], DAYS * MINUTES)["data"].to_numpy()
    persistence, p = returns.garch(series)
    assert persistence == pytest.approx(0.5, abs=0.1)
    assert not holds("garch.persistence", persistence)
    assert holds("garch.p", p)


def test_the_days_shape_is_taken_out() -> None:
    shape = 1 + np.linspace(-1, 1, MINUTES) ** 2
    seasonal = np.abs(gaussian()) * shape
    profile = returns.daily_profile(seasonal)
    assert np.corrcoef(profile, shape)[0, 1] > 0.9
    flat = returns.daily_profile(returns.without_season(seasonal, profile))
    first, last = returns.u_shape(flat, 30)
    assert first == pytest.approx(1, abs=0.1)
    assert last == pytest.approx(1, abs=0.1)


def test_an_early_close_is_no_part_of_the_days_shape() -> None:
    volume = np.ones((3, 100))
    volume[1, 60:] = np.nan
    volume[1, :60] = 50
    volume[:, 95:] = np.nan  # the closing auction
    profile = returns.daily_profile(volume, window=5)
    np.testing.assert_allclose(profile[:95], 1)
    assert np.isnan(profile[95:]).all()
    assert returns.u_shape(profile, 10) == pytest.approx((1, 1))


def test_a_flat_day_and_a_falling_day_are_not_u_shaped() -> None:
    def sides(shape: Floats) -> list[bool]:
        volume = np.random.default_rng(6).gamma(2, size=(DAYS * 12, MINUTES)) * shape
        first, last = returns.u_shape(returns.daily_profile(volume), 30)
        return [holds("u_shape.first", first), holds("u_shape.last", last)]

    place = np.linspace(-1, 1, MINUTES)
    assert sides(np.ones(MINUTES)) == [False, False]
    assert sides(2 - place) == [True, False]
    assert sides(1 + place**2) == [True, True]


def test_volume_and_volatility() -> None:
    random = np.random.default_rng(7)
    activity = random.gamma(2, size=(DAYS, MINUTES))
    moves = np.abs(random.normal(size=activity.shape)) * activity
    assert holds("volume_volatility", returns.rank_correlation(activity, moves))
    assert not holds("volume_volatility", returns.rank_correlation(random.permuted(activity, axis=1), moves))
    assert np.isnan(returns.rank_correlation(np.ones((2, 5)), moves[:2, :5]))


def test_leverage_is_negative_where_falls_bring_volatility() -> None:
    random = np.random.default_rng(8)
    noise = random.normal(size=20_000)
    volatility = np.exp(-0.5 * np.concatenate([[0.0], noise[:-1]]))
    assert returns.leverage((noise * volatility)[None, :], 1) < -0.1
    assert returns.leverage(noise[None, :], 10) == pytest.approx(0, abs=0.01)


def test_sectors_stand_out_only_where_there_are_sectors() -> None:
    random = np.random.default_rng(9)
    market, sectors = random.normal(size=(1638, 1)), random.normal(size=(1638, 2))
    groups = ["a"] * 4 + ["b"] * 4
    loads = np.repeat(np.eye(2), 4, axis=0)
    own = random.normal(size=(1638, 8))
    own[5, 3] = np.nan
    both = returns.correlations(0.5 * market + 0.5 * sectors @ loads.T + own)
    within, across = returns.within_and_across(both, groups)
    assert within == pytest.approx(0.5 / 1.5, abs=0.05)
    assert across == pytest.approx(0.25 / 1.5, abs=0.05)
    assert holds("correlation.across", across)
    assert holds("correlation.excess", within - across)
    assert returns.agreement(both, loads @ loads.T) > 0.8
    alike = returns.within_and_across(returns.correlations(0.5 * market + own), groups)
    assert not holds("correlation.excess", alike[0] - alike[1])
    within, across = returns.within_and_across(returns.correlations(own), groups)
    assert not holds("correlation.across", across)
    assert not holds("correlation.within", within)


def test_real_daily_series_are_within_the_bounds_that_they_can_be_held_against() -> None:
    measured = real.measures()
    for key in ("autocorrelation.largest", "hill", "volatility.near", "volatility.far", "volatility.exponent"):
        assert all(holds(key, value) for value in measured[key].values()), (key, measured[key])
    for key in ("garch.persistence", "garch.p"):
        assert all(holds(key, value) for value in measured[key].values()), (key, measured[key])
    assert measured["leverage"]["S&P 500"] < -0.02
