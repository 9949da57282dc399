"""What `make scores` rests on: the rules in a Flink over files, the mart's SQL in a Spark without a lake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stack.settings import StackSettings
from stack.surveillance import markets
from stack.surveillance.markets import Market, Watched
from stack.surveillance.scores import Score, judge, session
from streaming.contracts.codec import MINUTE
from streaming.contracts.events import AbuseKind, Alert, Episode
from tests import surveillance_day as day

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Spark warns of its own.
pytestmark = [pytest.mark.timeout(900), pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> StackSettings:
    return StackSettings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def spark(settings: StackSettings) -> Iterator[SparkSession]:
    with session(settings) as found:
        yield found


def crafted(symbol: str, *, abused: bool) -> day.Day:
    """An ordinary day with look-alikes; with two abuses or none."""
    made = day.Day(symbol, seed=1)

    def at(minute: int, script: Iterator[int]) -> None:
        made.start(made.open + minute * MINUTE, script)

    at(30, day.sweep(made, 2010))
    at(75, day.news(made, 2012))
    if abused:
        at(60, day.spoofing(made, 2001, "buy"))
        at(140, day.quote_stuffing(made, 2005))
    return made


def test_the_rules_see_over_files_what_they_see_on_topics_each_in_its_own_market(
    settings: StackSettings, tmp_path: Path
) -> None:
    for number, abused in enumerate((True, False)):  # the same symbol, trader for trader and order for order
        told = list(day.messages("ACME", crafted("ACME", abused=abused).run()))
        (tmp_path / str(number)).mkdir()
        for topic in markets.READ:
            lines = [message.value for message in told if message.topic == topic]
            own = b"".join(line.replace(b'"symbol":"', b'"symbol":"%d/' % number) + b"\n" for line in lines)
            (tmp_path / str(number) / topic).write_bytes(own)
    for topic in markets.READ:
        markets._merge([tmp_path / str(number) / topic for number in (0, 1)], tmp_path / f"{topic}.jsonl")
    markets._flink(settings, tmp_path)
    alerts = markets._alerts(tmp_path / "alerts")
    found = {number: [alert for alert in alerts.get(number, []) if alert.trader_ids] for number in (0, 1)}
    assert sorted((alert.rule, alert.symbol, alert.trader_ids) for alert in found[0]) == [
        ("quote_stuffing", "ACME", [2005]),
        ("spoofing", "ACME", [2001]),
    ]
    planted = {alert.rule for alert in found[0]}
    assert not [alert for alert in found[1] if alert.rule in planted], "what was planted in the other market"


def alert(rule: AbuseKind, symbol: str, traders: list[int], minute: int, score: float = 5.0) -> Alert:
    begin = minute * MINUTE
    return Alert(
        alert_id=f"{rule}-{symbol}-{begin}-{traders}", rule=rule, symbol=symbol, trader_ids=traders, order_ids=[],
        begin=begin, end=begin + MINUTE, score=score, threshold=4.0, event_time=begin + 2 * MINUTE,
    )  # fmt: skip


def episode(kind: AbuseKind, symbol: str, trader: int, minute: int, intensity: float) -> Episode:
    begin = minute * MINUTE
    return Episode(
        episode_id=f"{symbol}-{kind}-{minute}", kind=kind, symbol=symbol, trader_ids=[trader], begin=begin,
        end=begin + MINUTE, intensity=intensity, scenario="calm", event_time=begin + MINUTE,
    )  # fmt: skip


def test_alerts_are_scored_against_the_labels_of_their_own_market(spark: SparkSession) -> None:
    first = Watched(
        Market(1),
        40,
        1,
        1,
        episodes=[episode("spoofing", "ACME", 1, 10, 0.5), episode("spoofing", "ACME", 2, 90, 0.4)],
        alerts=[
            alert("spoofing", "ACME", [1], 10),
            alert("layering", "ACME", [2], 90),  # the other name for it
            alert("spoofing", "ACME", [3], 10),  # nobody planted that
            alert("price_spike", "ACME", [], 10),  # of no account: not judged
        ],
    )
    second = Watched(Market(2), 40, 1, 1, episodes=[], alerts=[alert("spoofing", "ACME", [1], 10)])
    judged = judge(spark, [first, second])
    assert judged.symbol_days == 80
    assert judged.scores["spoofing"] == Score("spoofing", 2, 1, 1, 1, 3, 1, 0, 120.0)
    assert judged.scores["layering"] == Score("layering", 0, 0, 0, 0, 1, 0, 1, None)
    assert judged.total == Score("all", 2, 1, 1, 1, 4, 1, 1)


def test_a_market_without_abuse_and_alerts_has_scores_of_nought(spark: SparkSession) -> None:
    judged = judge(spark, [Watched(Market(3, abuse=False), 40, 1, 1, [], [])])
    assert judged.total == Score("all")
