"""The facts as pictures: small PNG files, drawn without a display."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from scipy import stats

from simulators.realism import real, returns
from simulators.realism.measure import CORRELATION_MINUTES, HORIZONS, Measured

Draw = Callable[[Axes, Measured], None]
OURS, GREY = "#1f5fbf", "#8a8a8a"
SERIES = {"S&P 500": "#c0562f", "Nasdaq": "#3f8f5f", "WTI": "#8a5aa8"}


def images(measured: Measured) -> dict[str, bytes]:
    """A PNG a picture, by name."""
    return {name: _image(draw, measured) for name, draw in PICTURES.items()}


def write(measured: Measured, folder: Path) -> list[Path]:
    """The pictures as `<folder>/<name>.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, image in images(measured).items():
        path = folder / f"{name}.png"
        path.write_bytes(image)
        written.append(path)
    return written


def _image(draw: Draw, measured: Measured) -> bytes:
    figure = Figure(figsize=(5.2, 3.4), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes, measured)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _tail(axes: Axes, measured: Measured) -> None:
    for name, colour in SERIES.items():
        _positive(axes, real.LEVELS, real.curves(name)["tail"], color=colour, lw=1, label=f"{name}, daily")
    _positive(axes, real.LEVELS, measured.curves["tail"], color=OURS, lw=2, label="simulated, one minute")
    gauss = 2 * stats.norm.sf(real.LEVELS)
    axes.plot(real.LEVELS, gauss, color=GREY, ls="--", lw=1, label="Gaussian")
    axes.set(xscale="log", yscale="log", ylim=(1e-5, 1), xlabel="|r| in standard deviations", ylabel="P(|r| > x)")
    axes.set_title("Tails of the returns")
    axes.legend(frameon=False, fontsize=8)


def _volatility(axes: Axes, measured: Measured) -> None:
    for name, colour in SERIES.items():
        rho = real.curves(name)["rho_volatility"]
        _positive(axes, np.arange(1.0, rho.size + 1), rho, color=colour, lw=0.7, label=f"{name}, days")
    rho = measured.curves["rho_volatility"]
    _positive(axes, *returns.logarithmic_bins(rho), color=OURS, lw=2, marker="o", ms=3, label="simulated, minutes")
    axes.set(xscale="log", yscale="log", ylim=(1e-3, 1), xlabel="lag k", ylabel="ρ(k)")
    axes.set_title("Autocorrelation of |r|")
    axes.legend(frameon=False, fontsize=8)


def _autocorrelation(axes: Axes, measured: Measured) -> None:
    rho = measured.curves["rho"][:60]
    axes.axhspan(-0.1, 0.1, color=GREY, alpha=0.15, lw=0)
    axes.axhline(0, color=GREY, lw=0.7)
    axes.plot(np.arange(1, rho.size + 1), rho, color=OURS, lw=1.5, marker="o", ms=2)
    low, high = min(-0.2, float(rho.min()) - 0.02), max(0.2, float(rho.max()) + 0.02)
    axes.set(ylim=(low, high), xlabel="lag, minutes", ylabel="ρ(k)")
    axes.set_title("Autocorrelation of one-minute returns")


def _kurtosis(axes: Axes, measured: Measured) -> None:
    values = [measured.values[f"kurtosis.{horizon}"] for horizon in HORIZONS]
    axes.plot(
        HORIZONS, [value.value for value in values], color=OURS, lw=2, marker="o", label="simulated, median symbol"
    )
    axes.axhline(0, color=GREY, ls="--", lw=1, label="Gaussian")
    axes.set(xscale="log", yscale="symlog", xlabel="horizon, minutes", ylabel="excess kurtosis")
    axes.set_xticks(HORIZONS, [str(horizon) for horizon in HORIZONS])
    axes.minorticks_off()
    axes.set_title("Excess kurtosis by horizon")
    axes.legend(frameon=False, fontsize=8)


def _day(axes: Axes, measured: Measured) -> None:
    for key, label, colour in (("season.volume", "volume", OURS), ("season.volatility", "|r|", "#c0562f")):
        profile = measured.curves[key]
        axes.plot(np.arange(profile.size), profile, color=colour, lw=1.5, label=label)
    axes.set(ylim=(0, None), xlabel="minute of the trading day", ylabel="over its mean")
    axes.set_title("The day's shape")
    axes.legend(frameon=False, fontsize=8)


def _signs(axes: Axes, measured: Measured) -> None:
    rho = measured.curves["rho_signs"]
    _positive(axes, *returns.logarithmic_bins(rho), color=OURS, lw=2, marker="o", ms=3, label="simulated")
    lags = np.arange(1, rho.size + 1)
    axes.plot(lags, 0.3 * lags**-0.6, color=GREY, ls="--", lw=1, label="k^-0.6 (Lillo, Farmer 2004)")
    axes.set(xscale="log", yscale="log", ylim=(1e-3, 1), xlabel="lag, market orders", ylabel="ρ(k)")
    axes.set_title("Autocorrelation of order signs")
    axes.legend(frameon=False, fontsize=8)


def _impact(axes: Axes, measured: Measured) -> None:
    size, impact, error = measured.curves["impact"]
    axes.set_title("Price impact of parent orders")
    axes.set(xlabel="size over the day's volume", ylabel="impact over the day's volatility")
    if not size.size:
        return
    axes.errorbar(size, impact, yerr=error, color=OURS, fmt="o", ms=4, label="simulated")
    for exponent, style in ((0.5, "--"), (1.0, ":")):
        scale = float(np.sum(impact * size**exponent) / np.sum(size ** (2 * exponent)))
        axes.plot(size, scale * size**exponent, color=GREY, ls=style, lw=1, label=f"size^{exponent:g}")
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.legend(frameon=False, fontsize=8)


def _depth(axes: Axes, measured: Measured) -> None:
    profile = measured.curves["depth"][:40]
    axes.bar(np.arange(profile.size), profile, color=OURS, width=0.9)
    axes.set(xlabel="distance from the best price, half spreads", ylabel="shares shown, over the mean")
    axes.set_title("Depth of the book")


def _correlation(axes: Axes, measured: Measured) -> None:
    matrix = measured.curves["correlation"]
    shown = np.where(np.eye(len(matrix), dtype=bool), np.nan, matrix)
    largest = float(np.nanmax(np.abs(shown))) if len(matrix) > 1 else 1.0
    mesh = axes.imshow(shown, cmap="RdBu_r", vmin=-largest, vmax=largest)
    axes.set_xticks(range(len(matrix)), measured.symbols, rotation=90, fontsize=7)
    axes.set_yticks(range(len(matrix)), measured.symbols, fontsize=7)
    axes.figure.colorbar(mesh, ax=axes)
    axes.set_title(f"Correlation of {CORRELATION_MINUTES}-minute returns", fontsize=10)


def _positive(axes: Axes, x: returns.Floats, y: returns.Floats, **style: object) -> None:
    """A line on logarithmic axes: what is not positive has no place there."""
    axes.plot(x, np.where(y > 0, y, np.nan), **style)  # type: ignore[arg-type]


PICTURES: dict[str, Draw] = {
    "autocorrelation": _autocorrelation,
    "kurtosis": _kurtosis,
    "tails": _tail,
    "volatility": _volatility,
    "day": _day,
    "signs": _signs,
    "impact": _impact,
    "depth": _depth,
    "correlation": _correlation,
}
