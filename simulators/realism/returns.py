"""Statistics of prices and volumes over the minutes of many days. All are pure.

Where a function takes `(days, minutes)`, NaN stands for what is not known, and nothing is taken across two days.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


def log_returns(mid: Floats, step: int = 1) -> Floats:
    """r = ln(p[t + step] / p[t]) at every `step`-th place of each day.

    `mid`: (days, n) prices. Gives (days, about n / step), dimensionless.
    """
    found: Floats = np.diff(np.log(mid[:, ::step]), axis=1)
    return found


def autocorrelation(series: Floats, lags: int) -> Floats:
    """rho(k) = mean((x[t] - m)(x[t + k] - m)) / var(x), for k = 1 … lags, both within one day. (lags,).

    `series`: (days, n), n > lags. Cont (2001), facts 1 (of r) and 8 (of |r|).
    """
    centred = series - np.nanmean(series)
    variance = np.nanmean(centred**2)
    found = [np.nanmean(centred[:, lag:] * centred[:, :-lag]) / variance for lag in range(1, lags + 1)]
    return np.array(found, dtype=np.float64)


def excess_kurtosis(series: Floats) -> float:
    """kappa = mean((x - m)^4) / var(x)^2 - 3: 0 for a Gaussian. Cont (2001), facts 2 and 4."""
    return float(stats.kurtosis(series[~np.isnan(series)]))


def hill(series: Floats, share: float) -> float:
    """Hill's estimate of the tail index a in P(|x| > u) ~ u^-a, from the largest `share` of the |x|.

    With k = share * n and the values in falling order: a = 1 / mean(ln(x[i] / x[k + 1]), i = 1 … k). Its standard
    error is a / sqrt(k). Hill (1975), Annals of Statistics 3, 1163-1174. Infinite where the largest are all equal.
    """
    values = np.sort(np.abs(series[~np.isnan(series)]))[::-1]
    count = max(1, int(share * values.size))
    if values.size <= count or values[count] == 0:
        return float("nan")
    mean = float(np.mean(np.log(values[:count] / values[count])))
    return 1 / mean if mean > 0 else float("inf")


def logarithmic_bins(values: Floats, first: int = 1) -> tuple[Floats, Floats]:
    """Lags and values of a function of the lags 1, 2, … averaged in bins that double: [1], [2, 3], [4 … 7], …

    Lags below `first` are left out. Gives the bins' mean lags (geometric) and mean values.
    """
    lags = np.arange(1, values.size + 1)
    bins = np.floor(np.log2(lags / first)).astype(int)
    whole = [b for b in range(bins.max() + 1) if first * 2 ** (b + 1) - 1 <= values.size]
    middle = [float(np.exp(np.log(lags[bins == b]).mean())) for b in whole]
    return np.array(middle), np.array([float(values[bins == b].mean()) for b in whole])


def decay_exponent(rho: Floats, first: int = 1) -> float:
    """b in rho(k) ~ k^-b: the slope of ln rho against ln k in `logarithmic_bins`, from lag `first` on.

    `rho`: (lags,) from lag 1. Infinite where a bin's mean is not positive: then it does not decay as a power.
    Cont (2001), fact 8, for |r|; Lillo and Farmer (2004), Studies in Nonlinear Dynamics & Econometrics 8(3), for order
    signs.
    """
    lags, means = logarithmic_bins(rho, first)
    if not np.all(means > 0):
        return float("inf")
    return -float(np.polyfit(np.log(lags), np.log(means), 1)[0])


def daily_profile(series: Floats, window: int = 15) -> Floats:
    """The mean over the days at each time of day, smoothed by a centred moving average of `window` places. (n,).

    `series`: (days, n), not negative. Days that end early are left out; NaN stands where no day has a value.
    """
    known = ~np.isnan(series)
    last = np.where(known.any(axis=1), series.shape[1] - np.argmax(known[:, ::-1], axis=1), 0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)  # a minute that no day has
        mean = np.nanmean(series[last == last.max()], axis=0)
    there = ~np.isnan(mean)
    kernel = np.ones(window)
    total = np.convolve(np.where(there, mean, 0), kernel, mode="same")
    count = np.convolve(there.astype(float), kernel, mode="same")
    found: Floats = np.divide(total, count, out=np.full(mean.size, np.nan), where=there)
    return found


def without_season(series: Floats, profile: Floats) -> Floats:
    """Each value over what is usual at its time of day: what remains is not the day's own shape.

    `series`: (days, n); `profile`: (n,). Andersen and Bollerslev (1997), Journal of Empirical Finance 4, 115-158.
    """
    return series / np.where(profile > 0, profile, np.nan)


def rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's correlation of two arrays of the same shape, where both are known.

    For volume and |r|: Karpoff (1987), Journal of Financial and Quantitative Analysis 22, 109-126; Cont (2001),
    fact 10.
    """
    known = ~(np.isnan(one) | np.isnan(other))
    x, y = stats.rankdata(one[known]), stats.rankdata(other[known])
    if x.std() == 0 or y.std() == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def leverage(returns: Floats, lags: int) -> float:
    """The mean over k = 1 … lags of corr(r(t), r(t + k)^2): negative where falls raise the volatility to come.

    `returns`: (days, n). Cont (2001), fact 9; Bouchaud, Matacz and Potters (2001), Physical Review Letters 87, 228701.
    """
    found = []
    for lag in range(1, lags + 1):
        now, later = returns[:, :-lag], returns[:, lag:] ** 2
        known = ~(np.isnan(now) | np.isnan(later))
        found.append(np.corrcoef(now[known], later[known])[0, 1])
    return float(np.mean(found))


def u_shape(profile: Floats, edge: int) -> tuple[float, float]:
    """The mean of the day's first `edge` places, and of its last, each over the mean of its middle third.

    `profile`: (n,), such as shares a minute of the day; a NaN is no part of the day. Wood, McInish and Ord (1985),
    Journal of Finance 40, 723-739; Jain and Joh (1988), Journal of Financial and Quantitative Analysis 23, 269-283.
    """
    profile = profile[~np.isnan(profile)]
    third = profile.size // 3
    middle = float(np.mean(profile[third:-third]))
    return float(np.mean(profile[:edge])) / middle, float(np.mean(profile[-edge:])) / middle


def garch(returns: Floats) -> tuple[float, float]:
    """Persistence a + b of the GARCH(1, 1) s2(t) = w + a r2(t-1) + b s2(t-1), and the p-value of Engle's ARCH test.

    `returns`: (n,). Without ARCH effects (a large p-value) the persistence means nothing. Bollerslev (1986), Journal
    of Econometrics 31, 307-327; Engle (1982), Econometrica 50, 987-1007, with 10 lags.
    """
    from arch import arch_model
    from statsmodels.stats.diagnostic import het_arch

    scaled = returns[~np.isnan(returns)]
    scaled = scaled / scaled.std()
    fitted = arch_model(scaled, mean="Zero", vol="GARCH", p=1, q=1, rescale=False).fit(disp="off", show_warning=False)
    persistence = float(fitted.params["alpha[1]"] + fitted.params["beta[1]"])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "acorr_lm currently returns", FutureWarning)  # het_arch's own call of it
        p = float(het_arch(scaled, nlags=10)[1])
    return persistence, p


def correlations(returns: Floats) -> Floats:
    """corr(r_i, r_j) of the columns, without the rows that have a NaN. `returns`: (n, k); gives (k, k)."""
    return np.atleast_2d(np.corrcoef(returns[~np.isnan(returns).any(axis=1)], rowvar=False))


def within_and_across(matrix: Floats, groups: list[str]) -> tuple[float, float]:
    """The mean correlation of pairs in one group, and of pairs in two.

    `matrix`: (n, n); `groups`: the n rows' groups. Plerou et al. (2002), Physical Review E 65, 066126: sectors show.
    """
    names = np.array(groups)
    same = names[:, None] == names[None, :]
    pairs = np.triu(np.ones_like(matrix, dtype=bool), 1)
    return float(matrix[same & pairs].mean()), float(matrix[~same & pairs].mean())


def agreement(matrix: Floats, expected: Floats) -> float:
    """The correlation between the pairs' correlations in two matrices of the same symbols."""
    pairs = np.triu_indices_from(matrix, 1)
    return float(np.corrcoef(matrix[pairs], expected[pairs])[0, 1])
