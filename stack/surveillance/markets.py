"""Seeded markets through the surveillance rules: histories in the shadow market, the rules' SQL over their topics.

The topics are files and Flink is a small cluster of one process: the market, the envelopes and the SQL are the
platform's own, only Kafka is not there. What the rules said is kept, and is made anew only where the market or a rule
is another. Several markets go through one Flink job, which takes a minute to start: every rule looks at one symbol
alone, so each market's symbols get names of their own, `<number>/ACME`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import heapq
import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from simulators.history import generate
from simulators.population import load_population
from simulators.publish import messages
from simulators.runs import DayFiles, Run, make_run
from simulators.scenario import load_scenario
from stack.setup.environments import python
from stack.setup.jdk import jdk_home
from streaming.contracts import topics
from streaming.contracts.codec import MINUTE, decode, decode_command
from streaming.contracts.events import Alert, Episode
from streaming.contracts.settings import PROJECT, Settings
from streaming.flink import pipelines, replay
from streaming.flink.submit import reason
from streaming.matching.answers import Teller
from streaming.matching.market import SymbolMarket

JOB = "surveillance"
DAYS = 2
END = dt.date(2026, 11, 20)
READ = (topics.ORDER_EVENTS.name, topics.TRADES.name, topics.PRICES.name)
EVERY = 2
"""Of the listed symbols every second: half the time."""
MEMORY = "-Xms2g -Xmx3g -Xmn1200m -XX:+UseSerialGC"


class _Head(msgspec.Struct):
    event_time: int


_head = msgspec.json.Decoder(_Head)


class Market(msgspec.Struct, frozen=True):
    """Which market: `abuse` and `lookalikes` say whether the population's prevalence of them stays or is nought."""

    seed: int
    scenario: str = "calm"
    abuse: bool = True
    lookalikes: bool = True

    def run(self) -> Run:
        """Its history, of `DAYS` days."""
        population = load_population()
        planted = population.abuse.model_copy(
            update={
                "prevalence": population.abuse.prevalence if self.abuse else 0.0,
                "lookalikes": population.abuse.lookalikes if self.lookalikes else 0.0,
            }
        )
        population = population.model_copy(update={"abuse": planted})
        return make_run(self.seed, DAYS, END, None, population, load_scenario(self.scenario))


class Watched(msgspec.Struct, frozen=True):
    """What the rules said of a market, and what was planted in it."""

    market: Market
    symbol_days: int
    orders: int
    trades: int
    episodes: list[Episode]
    alerts: list[Alert]


class ReplayError(RuntimeError):
    """Flink did not get to the end; the message ends with its own words."""


def file_of(settings: Settings, market: Market) -> Path:
    """Where the outcome is kept: another file for another population, scenario or rule."""
    rules = hashlib.sha256(b"".join(file.read_bytes() for file in pipelines.files(JOB))).hexdigest()[:12]
    return settings.home / "surveillance" / f"{market.run().identity}-{EVERY}-{rules}.json"


def kept(settings: Settings, market: Market) -> Watched | None:
    """What the rules said of the market, where that was found out before."""
    file = file_of(settings, market)
    return msgspec.json.decode(file.read_bytes(), type=Watched) if file.exists() else None


def watch(settings: Settings, markets: Sequence[Market]) -> None:
    """Find out what the rules say of markets, and keep it. ReplayError where Flink fails."""
    with tempfile.TemporaryDirectory(prefix="tickhouse-surveillance-") as name:
        folder = Path(name)
        parts = [_traded(market, folder / str(number), number) for number, market in enumerate(markets)]
        for topic in READ:
            _merge([folder / str(number) / topic for number in range(len(markets))], folder / f"{topic}.jsonl")
        _flink(settings, folder)
        alerts = _alerts(folder / topics.ALERTS.name)
        for number, part in enumerate(parts):
            found = msgspec.structs.replace(part, alerts=alerts.get(number, []))
            file = file_of(settings, part.market)
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(".partial")
            partial.write_bytes(msgspec.json.encode(found))
            partial.replace(file)


def _traded(market: Market, folder: Path, number: int) -> Watched:
    """Trade the market, and write the envelopes that the engine would answer with to `folder/<topic>`."""
    run = market.run()
    days = [DayFiles(generate(folder, run), day.date) for day in run.trading_days()]
    listed = {item.symbol for item in run.listed[::EVERY]}
    prefix = b'"symbol":"%d/' % number
    tellers: dict[str, Teller] = {}
    commands = trades = 0
    with ExitStack() as opened:
        out = {name: opened.enter_context((folder / name).open("wb")) for name in READ}
        for message in (message for day in days for message in messages(day.commands) if message.symbol in listed):
            if message.symbol not in tellers:
                tellers[message.symbol] = Teller(SymbolMarket(message.symbol))
            together = [decode_command(line) for line in message.lines]
            commands += len(together)
            for answer in tellers[message.symbol].answer(together):
                trades += answer.value.count(b'"event":"trade"')
                if answer.topic in out:
                    out[answer.topic].write(answer.value.replace(b'"symbol":"', prefix) + b"\n")
    labels = [msgspec.json.decode(line, type=Episode) for day in days for line in day.truth.read_bytes().splitlines()]
    episodes = [label for label in labels if label.symbol in listed]
    return Watched(market, len(days) * len(listed), commands, trades, episodes, [])


def _merge(parts: Sequence[Path], file: Path) -> None:
    """Envelopes of several markets in the order of the market's minutes; each market's stay in their order."""
    with ExitStack() as opened, file.open("wb") as out:
        lines = [opened.enter_context(part.open("rb")) for part in parts]
        out.writelines(heapq.merge(*lines, key=lambda line: _head.decode(line).event_time // MINUTE))


def _alerts(folder: Path) -> dict[int, list[Alert]]:
    """What the rules said, by the number of the market, its symbols under their own names again."""
    found: dict[int, list[Alert]] = {}
    for file in (file for file in folder.rglob("*") if file.is_file()):
        for alert in (alert for line in file.read_bytes().splitlines() for alert in decode(topics.ALERTS, line)):
            number, _, symbol = alert.symbol.partition("/")
            own = msgspec.structs.replace(
                alert, symbol=symbol, alert_id=alert.alert_id.replace(alert.symbol, symbol, 1)
            )
            found.setdefault(int(number), []).append(own)
    for alerts in found.values():
        alerts.sort(key=lambda alert: (alert.event_time, alert.alert_id))
    return found


def _flink(settings: Settings, folder: Path) -> None:
    interpreter = python(settings, "flink")
    done = subprocess.run(
        [str(interpreter), "-m", replay.__name__, JOB, str(folder)],
        cwd=PROJECT,
        env={**os.environ, "JAVA_HOME": str(jdk_home(settings, "flink")), "JVM_ARGS": MEMORY},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ReplayError(f"Flink did not get through the markets: {reason(done.stdout + done.stderr)}")
