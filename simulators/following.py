"""Which history does this one follow? Where one has ended, the next goes on from its balances and prices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from simulators.market_time import market_time
from simulators.publish import sent
from simulators.runs import Run, kept_run
from streaming.contracts.settings import Settings


def following(settings: Settings, run: Run) -> Run:
    """The run as it has to be on the exchange as it stands.

    It is the run itself on a new exchange; the run that was published already, where it has the same settings; or
    the run after the history that the exchange ends with. KafkaException where the brokers do not answer.
    """
    now = market_time(settings)
    if now is None:
        return run
    runs = list(_kept_runs(settings.home))
    for other in [run, *runs]:
        if replace(other, after=None) == replace(run, after=None) and sent(settings, other):
            return other
    for other in runs:
        ends, begins = other.trading_days()[-1].end, run.trading_days()[0].open
        if ends == now and begins > now and sent(settings, other):
            return replace(run, after=other)
    return run


def _kept_runs(home: Path) -> Iterator[Run]:
    for folder in sorted((home / "history").glob("*/")):
        run = kept_run(folder)
        if run is not None:
            yield run
