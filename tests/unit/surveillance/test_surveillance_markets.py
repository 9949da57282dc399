"""Markets that go through one Flink job: which they are, where they are kept, and what is whose."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from stack.settings import StackSettings
from stack.surveillance import __main__ as command
from stack.surveillance import markets
from stack.surveillance.markets import Market, file_of
from streaming.contracts import topics
from streaming.contracts.codec import MINUTE, encode
from streaming.contracts.events import Alert


@pytest.fixture
def settings(tmp_path: Path) -> StackSettings:
    return StackSettings(home=tmp_path)


def alert(symbol: str, begin: int = 5) -> Alert:
    return Alert(
        alert_id=f"spoofing-{symbol}-{begin}-7", rule="spoofing", symbol=symbol, trader_ids=[7], order_ids=[1],
        begin=begin, end=begin + 1, score=5.0, threshold=4.0, event_time=begin + 2,
    )  # fmt: skip


def test_a_clean_market_has_nothing_planted_in_it() -> None:
    assert Market(1).run().population.abuse.prevalence > 0
    clean = Market(1, abuse=False).run().population.abuse
    assert (clean.prevalence, clean.lookalikes > 0) == (0, True)
    assert Market(1, abuse=False, lookalikes=False).run().population.abuse.lookalikes == 0


def test_other_markets_and_other_rules_are_kept_apart(
    settings: StackSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = [Market(1), Market(2), Market(1, "trending"), Market(1, abuse=False)]
    found = {file_of(settings, market) for market in kinds}
    assert len(found) == len(kinds)
    rule = tmp_path / "rule.sql"
    rule.write_text("SELECT 1")
    monkeypatch.setattr(markets.pipelines, "files", lambda _job: [rule])
    assert file_of(settings, Market(1)) not in found


def test_no_seed_is_scored_that_a_rule_was_tuned_on_and_none_twice_in_a_group() -> None:
    for group in command.plan().values():
        seeds = [market.seed for market in group]
        assert len(seeds) == len(set(seeds))
        assert not {4242, 777, 31337} & set(seeds)
        assert not set(range(5001, 5007)) & set(seeds)
    assert len(command.plan()["calm"]) == 20


def test_markets_are_merged_by_minute_and_each_stays_in_its_order(tmp_path: Path) -> None:
    def written(name: str, times: list[int]) -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(encode(topics.TRADES, name, [], time) + b"\n" for time in times))
        return path

    first = written("A", [MINUTE + 9, MINUTE + 3, 2 * MINUTE])
    second = written("B", [5, MINUTE + 4, 3 * MINUTE])
    markets._merge([first, second], tmp_path / "both")
    lines = [msgspec.json.decode(line) for line in (tmp_path / "both").read_bytes().splitlines()]
    assert [(line["symbol"], line["event_time"]) for line in lines] == [
        ("B", 5),
        ("A", MINUTE + 9),
        ("A", MINUTE + 3),
        ("B", MINUTE + 4),
        ("A", 2 * MINUTE),
        ("B", 3 * MINUTE),
    ]


def test_alerts_come_back_to_their_market_under_the_symbols_own_names(tmp_path: Path) -> None:
    said = [alert("1/ACME", 9), alert("0/ACME"), alert("1/BLUE")]
    part = tmp_path / "part-0"
    part.write_bytes(b"".join(encode(topics.ALERTS, one.symbol, [one], one.event_time) + b"\n" for one in said))
    assert markets._alerts(tmp_path) == {0: [alert("ACME")], 1: [alert("BLUE"), alert("ACME", 9)]}
