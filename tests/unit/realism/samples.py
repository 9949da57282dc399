"""What the tests of the statistics share: the bounds by name, and noise with a long memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.realism.bounds import FACTS

Floats = NDArray[np.float64]
MEASURES = {measure.key: measure for fact in FACTS for measure in fact.measures}


def holds(key: str, value: float) -> bool:
    """Whether a value is within the gate's bounds."""
    assert MEASURES[key].bounded
    return MEASURES[key].holds(value)


def fractional(random: np.random.Generator, size: int, decay: float) -> Floats:
    """Gaussian noise whose autocorrelation falls as k^-decay (fractional Gaussian noise, Davies and Harte 1987)."""
    power = 2 - decay
    lags = np.arange(size, dtype=float)
    covariance = (np.abs(lags + 1) ** power - 2 * lags**power + np.abs(lags - 1) ** power) / 2
    spectrum = np.fft.fft(np.concatenate([covariance, [0.0], covariance[:0:-1]])).real.clip(0)
    noise = random.normal(size=2 * size) + 1j * random.normal(size=2 * size)
    return np.fft.fft(np.sqrt(spectrum / (2 * size)) * noise)[:size].real
