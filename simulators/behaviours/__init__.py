"""How each kind of trader decides: one small class a kind, with its source."""

from __future__ import annotations

from typing import Protocol

from simulators import population
from simulators.behaviours.maker import MarketMaker
from simulators.behaviours.noise import Noise
from simulators.behaviours.retail import Retail
from simulators.behaviours.trend import MeanReversion, Momentum
from simulators.behaviours.value import Value
from simulators.traders import Turn, View, Wish
from streaming.contracts.events import Side

__all__ = ["Behaviour", "MarketMaker", "behaviour"]


class Behaviour(Protocol):
    """How a trader on one side of the market answers its turn."""

    def decide(self, turn: Turn, side: Side, view: View, value: int) -> Wish | None:
        """The order that it would like to send, if any; `value` is what a share is truly worth."""


def behaviour(group: population.Ordinary) -> Behaviour:
    """The behaviour of a group of the settings file."""
    if isinstance(group, population.Noise):
        return Noise(group)
    if isinstance(group, population.Value):
        return Value(group)
    if isinstance(group, population.Momentum):
        return Momentum(group)
    if isinstance(group, population.MeanReversion):
        return MeanReversion(group)
    return Retail(group)
