"""Statistics of orders, trades and the book. All are pure; times are in microseconds, quantities in shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def business_gaps(times: Integers, opens: Integers, minutes: Integers, minute: int, window: int = 15) -> Floats:
    """The gaps between successive times of a day, in units of the gap that is usual at that time of day.

    The clock is changed to one in which the average day's arrivals come evenly (its rate smoothed over `window`
    minutes), so that the day's shape alone does not make gaps uneven. Arrivals at the same moment count as one.
    `times`: (n,) rising; `opens`: (days,) when each day began; `minutes`: (days,) its length; `minute`: a minute.
    """
    longest = int(minutes.max())
    counts = np.zeros(longest)
    days: list[Floats] = []
    for open_, length in zip(opens, minutes, strict=True):
        inside = times[(times >= open_) & (times < open_ + length * minute)]
        passed = np.unique(inside - open_) / minute
        counts += np.histogram(passed, bins=longest, range=(0, longest))[0]
        days.append(passed)
    rate = np.convolve(counts, np.ones(window), mode="same") / np.convolve(
        np.ones(longest), np.ones(window), mode="same"
    )
    elapsed = np.concatenate([[0.0], np.cumsum(rate)])
    gaps = np.concatenate([np.diff(np.interp(day, np.arange(longest + 1), elapsed)) for day in days])
    gaps = gaps[gaps > 0]
    scaled: Floats = gaps / gaps.mean()
    return scaled


def weibull_shape(gaps: Floats) -> float:
    """The shape k of the Weibull distribution P(gap > t) = exp(-(t / s)^k), by maximum likelihood.

    1 is the exponential distribution of a Poisson process; below 1 the arrivals come in bursts. `gaps`: (n,), positive.
    Ivanov et al. (2004), Physical Review E 69, 056107; Vyetrenko et al. (2019), arXiv 1912.04941.
    """
    return float(stats.weibull_min.fit(gaps, floc=0)[0])


def half_life(series: Floats) -> float:
    """How many places a deviation takes to halve: ln(1/2) / ln(f), f the first-order autoregression within the days.

    `series`: (days, n). 0 where f is not positive (it is over at once), infinite where f is 1 or more.
    Biais, Hillion and Spatt (1995), Journal of Finance 50, 1655-1689: a wide spread draws orders that narrow it.
    """
    centred = series - np.nanmean(series, axis=1, keepdims=True)
    now, later = centred[:, :-1], centred[:, 1:]
    known = ~(np.isnan(now) | np.isnan(later))
    factor = float(np.sum(now[known] * later[known]) / np.sum(now[known] ** 2))
    if factor >= 1:
        return float("inf")
    return float(np.log(0.5) / np.log(factor)) if factor > 0 else 0.0


@dataclass(frozen=True)
class Parents:
    """Parent orders: what each traded in all (`quantity`, in shares), and by how much the price moved its way
    (`impact`, in log price), from before its first trade to after its last; `children` counts its trades."""

    quantity: Floats
    impact: Floats
    children: Integers


def parents(
    time: Integers, sign: Integers, quantity: Integers, trader: Integers, mid: Floats, mid_after: Floats, longest: int
) -> Parents:
    """The runs of orders by which one trader took shares on one side of one symbol, at most `longest` apart.

    All (n,), in order of time. Runs of a single order are left out: theirs is the impact of a trade, which is another
    law. Moro et al. (2009), Physical Review E 80, 066102, find parent orders in the same way.
    """
    order = np.lexsort((time, trader))
    if not order.size:
        return Parents(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))
    new = np.ones(order.size, dtype=bool)
    new[1:] = (
        (np.diff(trader[order]) != 0) | (np.diff(sign[order]) != 0) | (np.diff(time[order]) > longest)
    )  # fmt: skip
    first = np.flatnonzero(new)
    last = np.append(first[1:], order.size) - 1
    children = last - first + 1
    total = np.add.reduceat(quantity[order], first).astype(float)
    impact = sign[order][first] * np.log(mid_after[order][last] / mid[order][first])
    whole = (children > 1) & ~np.isnan(impact)
    return Parents(total[whole], impact[whole], children[whole])


def impact_bins(size: Floats, impact: Floats, bins: int) -> tuple[Floats, Floats, Floats]:
    """Mean size (geometric), mean impact and its standard error in `bins` of equally many parent orders by size."""
    order = np.argsort(size, kind="stable")
    groups = [group for group in np.array_split(order, bins) if group.size > 1]
    return (
        np.array([np.exp(np.log(size[group]).mean()) for group in groups]),
        np.array([impact[group].mean() for group in groups]),
        np.array([impact[group].std(ddof=1) / np.sqrt(group.size) for group in groups]),
    )


def impact_exponent(size: Floats, impact: Floats, bins: int = 12) -> tuple[float, float]:
    """d in impact = Y * size^d, and its standard error: least squares over `impact_bins`, weighted by their errors.

    `size`: (n,) shares over the day's usual volume; `impact`: (n,) log price over the day's volatility. Almgren et al.
    (2005), Risk 18(7), 58-62; Tóth et al. (2011), Physical Review X 1, 021006. NaN where no curve can be fitted.
    """
    if size.size < 10 * bins:
        return float("nan"), float("nan")
    x, y, error = impact_bins(size, impact, bins)
    start = (float(np.max(np.abs(y)) / np.max(x) ** 0.5), 0.5)
    try:
        (scale, exponent), covariance = optimize.curve_fit(
            lambda q, scale, exponent: scale * q**exponent, x, y, p0=start, sigma=error + 1e-12, absolute_sigma=True
        )
    except (RuntimeError, optimize.OptimizeWarning):
        return float("nan"), float("nan")
    if scale <= 0:
        return float("nan"), float("nan")
    return float(exponent), float(np.sqrt(covariance[1, 1]))


def depth_profile(depth: Floats, width: int, bins: int) -> Floats:
    """The average shares at 0, 1, … `width` ticks from the best price, summed in `bins` of that width. (bins,).

    `depth`: (ticks,), average shares at each distance from the best price of the same side.
    """
    used = depth[: width * bins]
    padded = np.pad(used, (0, width * bins - used.size))
    summed: Floats = padded.reshape(bins, width).sum(axis=1)
    return summed


def hump(profile: Floats) -> tuple[int, float]:
    """Where the profile is deepest, from 0 (at the best price), and how deep it is there over the depth at the best.

    Bouchaud, Mézard and Potters (2002), Quantitative Finance 2, 251-256: the average book has its largest depth away
    from the best price.
    """
    deepest = int(np.argmax(profile))
    at_best = float(profile[0])
    return deepest, float(profile[deepest]) / at_best if at_best > 0 else float("inf")
