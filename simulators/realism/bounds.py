"""The facts, and between which bounds each counts as holding: from the literature, set before anything was tuned.

Where a paper gives a range, it is the bound; where our estimator is known to be off by a month's length, the range is
moved by as much (docs/realism.md says how that was found). Where a paper only says "positive" or "absent", the bound
is `NEGLIGIBLE`: a correlation that explains less than a hundredth of the variance.
"""

from __future__ import annotations

from dataclasses import dataclass

NEGLIGIBLE = 0.1
"""Correlations below are no effect: 0.1 squared is a hundredth of the variance."""
REQUIRED = 12
"""How many of the counted facts must hold."""


@dataclass(frozen=True)
class Measure:
    """A number, what it must be (both bounds allowed; without bounds it is only reported), and who says so.

    `daily`: it can be had from daily prices too, so real series are shown beside it.
    """

    key: str
    label: str
    low: float | None = None
    high: float | None = None
    source: str = ""
    daily: bool = False

    @property
    def bounded(self) -> bool:
        """Whether it is judged."""
        return self.low is not None or self.high is not None

    def holds(self, value: float) -> bool:
        """Whether a value is within the bounds; NaN never is."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high) and value == value


@dataclass(frozen=True)
class Fact:
    """A stylised fact. It holds where all its bounded measures do; `counted` is whether the gate asks for it."""

    number: int
    title: str
    measures: tuple[Measure, ...]
    counted: bool = True


CONT = "Cont 2001"
FACTS = (
    Fact(
        1,
        "No linear autocorrelation of one-minute returns",
        (
            Measure(
                "autocorrelation.largest",
                "largest |ρ(k)|, k = 1…30",
                high=NEGLIGIBLE,
                source=f"{CONT}, fact 1: insignificant but for microstructure",
                daily=True,
            ),
            Measure(
                "autocorrelation.far",
                "mean |ρ(k)|, k = 15…30",
                high=0.05,
                source=f"{CONT}: zero for all practical purposes from 15 minutes on; Cont 1997: within minutes",
                daily=True,
            ),
        ),
    ),
    Fact(
        2,
        "Heavy tails that become Gaussian with the horizon",
        (
            Measure(
                "kurtosis.1",
                "excess kurtosis, 1 minute",
                low=3,
                source=f"{CONT}: 16 (S&P 500 futures) to 74 (dollar, mark) at 5 minutes",
            ),
            Measure("kurtosis.5", "5 minutes"),
            Measure("kurtosis.15", "15 minutes"),
            Measure("kurtosis.30", "30 minutes"),
            Measure("kurtosis.day", "one day, all symbols", daily=True),
            Measure(
                "kurtosis.from_1_to_5", "5 minutes less 1", high=0, source=f"{CONT}, fact 4: aggregational Gaussianity"
            ),
            Measure("kurtosis.from_5_to_30", "30 minutes less 5", high=0, source="as above"),
        ),
    ),
    Fact(
        3,
        "Tail index of returns between 2 and 5",
        (
            Measure(
                "hill",
                "Hill's index of |r|, largest 1 %",
                low=2,
                high=5,
                source=f"{CONT}, fact 2: above two, below five",
                daily=True,
            ),
        ),
    ),
    Fact(
        4,
        "Slow decay of the autocorrelation of |r|",
        (
            Measure(
                "volatility.near",
                "mean ρ(k), k = 1…10",
                low=0.05,
                source=f"{CONT}, fact 8: positive; the bound is five standard errors of a month",
                daily=True,
            ),
            Measure(
                "volatility.far",
                "mean ρ(k), k = 51…60",
                low=0.01,
                source=f"{CONT}, fact 8: still positive; three standard errors",
                daily=True,
            ),
            Measure(
                "volatility.exponent",
                "exponent of the decay, k = 1…127",
                low=0.05,
                high=0.6,
                source=f"{CONT}, fact 8: 0.2 to 0.4; a month of 0.4 measures 0.53 ± 0.03, the real series from 0.1",
                daily=True,
            ),
        ),
    ),
    Fact(
        5,
        "Volume and volatility go together",
        (
            Measure(
                "volume_volatility",
                "rank correlation of volume and |r|, a minute",
                low=NEGLIGIBLE,
                source=f"Karpoff 1987; {CONT}, fact 10: positive",
            ),
        ),
    ),
    Fact(
        6,
        "Leverage effect",
        (
            Measure(
                "leverage",
                "mean corr(r(t), r²(t + k)), k = 1…30",
                source=f"{CONT}, fact 9; Bouchaud, Matacz, Potters 2001: negative, over days",
                daily=True,
            ),
        ),
        counted=False,
    ),
    Fact(
        7,
        "Order sizes have a power-law tail",
        (
            Measure(
                "order_size",
                "Hill's index of order sizes, largest 1 %",
                low=0.8,
                high=3,
                source="Maslov, Mills 2001: 1 (limit), 1.4 (market); Gopikrishnan et al. 2000: 1.5; Mu et al. 2009: 2+",
            ),
        ),
    ),
    Fact(
        8,
        "Orders come in bursts, not as a Poisson process",
        (
            Measure(
                "arrivals.shape",
                "Weibull shape of the gaps between orders",
                high=0.9,
                source="Vyetrenko et al. 2019; Engle, Russell 1998: overdispersed; Poisson has 1, error 0.004",
            ),
        ),
    ),
    Fact(
        9,
        "U-shaped trading over the day",
        (
            Measure(
                "u_shape.first",
                "volume of the first half hour over midday's",
                low=1.2,
                source="Wood, McInish, Ord 1985; Jain, Joh 1988: high at both ends; 1.2 is beyond a flat month's noise",
            ),
            Measure(
                "u_shape.last",
                "volume of the last half hour over midday's",
                low=1.2,
                source="as above",
            ),
            Measure("u_shape.volatility_first", "|r| of the first half hour over midday's"),
            Measure("u_shape.volatility_last", "|r| of the last half hour over midday's"),
        ),
    ),
    Fact(
        10,
        "The spread is positive and comes back",
        (
            Measure("spread.positive", "share of looks with a positive spread", low=1, source="by definition"),
            Measure("spread.median", "median spread, basis points"),
            Measure(
                "spread.half_life",
                "half-life of a deviation, minutes",
                low=0,
                high=30,
                source="Biais, Hillion, Spatt 1995; Large 2007: well below a minute to some; half an hour is lenient",
            ),
        ),
    ),
    Fact(
        11,
        "Order signs have long memory",
        (
            Measure(
                "signs.first",
                "ρ(1) of the signs of market orders",
                low=NEGLIGIBLE,
                source="Lillo, Farmer 2004; Bouchaud et al. 2004: positive",
            ),
            Measure(
                "signs.exponent",
                "exponent of the decay, k = 1…255",
                low=0.2,
                high=0.92,
                source="Lillo, Farmer 2004: 0.36 to 0.77; Bouchaud et al. 2004: from 0.2; a month of 0.77 measures "
                "0.84 ± 0.04",
            ),
        ),
    ),
    Fact(
        12,
        "Price impact is concave",
        (
            Measure(
                "impact.exponent",
                "exponent of parent orders' impact",
                low=0.4,
                high=0.7,
                source="Almgren et al. 2005: 0.6; Tóth et al. 2011: 0.4 to 0.7; Bershova, Rakhlin 2013: 0.47",
            ),
            Measure("impact.error", "its standard error"),
            Measure("impact.parents", "parent orders found"),
        ),
    ),
    Fact(
        13,
        "The book is deepest away from the best price",
        (
            Measure(
                "depth.deepest",
                "where it is deepest, in half spreads",
                low=1,
                source="Bouchaud, Mézard, Potters 2002: a hump near the best price, and not at it",
            ),
            Measure("depth.ratio", "depth there over the depth at the best", low=1.1, source="as above; not by noise"),
            Measure("depth.far", "depth 50 spreads away over the deepest", high=0.9, source="as above: it falls again"),
        ),
    ),
    Fact(
        14,
        "Symbols move together, those of one sector more",
        (
            Measure(
                "correlation.across",
                "mean correlation across sectors, 5 minutes",
                low=0.03,
                source="Vyetrenko et al. 2019; Plerou et al. 2002: positive; three standard errors",
            ),
            Measure("correlation.within", "mean correlation within a sector", low=0.03, source="as above"),
            Measure(
                "correlation.excess",
                "within less across",
                low=0.03,
                source="Plerou et al. 2002: sectors stand out; three standard errors",
            ),
            Measure("correlation.agreement", "correlation with the factor model's matrix"),
        ),
    ),
    Fact(
        15,
        "Volatility clusters",
        (
            Measure(
                "garch.persistence",
                "GARCH(1, 1) persistence α + β",
                low=0.9,
                high=1,
                source="Bollerslev 1986: below 1; daily S&P 500, Nasdaq and oil, with the same code: 0.98 to 1",
                daily=True,
            ),
            Measure(
                "garch.p",
                "p-value of no ARCH effect",
                high=0.01,
                source=f"Engle 1982; {CONT}, fact 6: rejected",
                daily=True,
            ),
        ),
    ),
)
COUNTED = sum(fact.counted for fact in FACTS)
