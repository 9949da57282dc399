"""When traders turn to a symbol: a Hawkes process over a U-shaped day.

Turns come by themselves, more often at the open and the close (R. A. Wood, T. H. McInish, J. K. Ord, Journal of
Finance 40(3), 1985), and each sets off others: A. G. Hawkes, "Spectra of some self-exciting and mutually exciting
point processes", Biometrika 58(1), 1971; E. Bacry, I. Mastromatteo, J.-F. Muzy, "Hawkes processes in finance", Market
Microstructure and Liquidity 1(1), 2015. With an exponential kernel it is a branching process: every turn has a Poisson
number of children (mean: the branching ratio), each an exponential time after it (A. G. Hawkes, D. Oakes, Journal of
Applied Probability 11(3), 1974), and is drawn generation by generation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.population import Market

Times = NDArray[np.int64]
MINUTE = 60_000_000


def arrivals(random: np.random.Generator, market: Market, begin: int, minutes: int, mean: float) -> Times:
    """The turns of a session that begins at `begin`, in microseconds, in order; `mean` of them on average."""
    end = begin + minutes * MINUTE
    first = random.poisson(mean * (1.0 - market.branching))
    parents = begin + (u_shaped(random.random(first), market.u_shape) * (end - begin)).astype(np.int64)
    generations = [parents]
    while len(parents):
        children = np.repeat(parents, random.poisson(market.branching, len(parents)))
        delays = random.exponential(market.excitement_seconds * 1e6, len(children))
        parents = children + delays.astype(np.int64)
        parents = parents[parents < end]  # what would come after the close does not come
        generations.append(parents)
    times = np.concatenate(generations)
    times.sort()
    return times


def u_shaped(uniform: NDArray[np.float64], u_shape: float) -> NDArray[np.float64]:
    """Uniform numbers made to lie in [0, 1) with density proportional to 1 + u_shape (2x - 1)²."""
    # The distribution is a cubic in y = 2x - 1: F = (y + a y³/3 + 1 + a/3) / (2 + 2a/3); Newton's method inverts it.
    target = (2.0 + 2.0 * u_shape / 3.0) * uniform - (1.0 + u_shape / 3.0)
    y = 2.0 * uniform - 1.0
    for _ in range(8):
        y = y - (y + u_shape * y * y * y / 3.0 - target) / (1.0 + u_shape * y * y)
    return np.clip((y + 1.0) / 2.0, 0.0, 1.0 - 1e-12)
