"""The generated part of docs/surveillance.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.surveillance import report
from stack.surveillance.markets import Market, Watched
from stack.surveillance.scores import KINDS, Curve, Judged, Score, curve
from streaming.contracts.events import Alert

SPIKE = Alert(
    alert_id="a", rule="price_spike", symbol="ACME", trader_ids=[], order_ids=[],
    begin=1, end=2, score=7.0, threshold=6.0, price=5, event_time=2,
)  # fmt: skip


def watched(seed: int) -> Watched:
    return Watched(Market(seed), symbol_days=20, orders=100, trades=30, episodes=[], alerts=[SPIKE])


def judged(symbol_days: int = 200, **counts: int) -> Judged:
    scores = {kind: Score(kind) for kind in KINDS} | {"spoofing": Score("spoofing", **counts)}
    curves = {kind: Curve([1.0, 2.0], [0.9, 1.0], [0.8, 0.4]) for kind in KINDS}
    return Judged(symbol_days, scores, curves)


GOOD = {"episodes": 20, "found": 17, "blatant_episodes": 10, "blatant_found": 9, "alerts": 20, "true_alerts": 18}


def test_the_targets_are_met_at_nine_tenths() -> None:
    lines = report.targets({"calm": judged(**GOOD)})
    assert "0.900 (0.60 to 0.98), 9 of 10 | yes |" in lines[2]
    assert "0.800 (0.49 to 0.94), 8 of 10 | |" in lines[3]
    assert "0.900 (0.70 to 0.97), 18 of 20 | yes |" in lines[4]


@pytest.mark.parametrize(("count", "line"), [("blatant_found", 2), ("true_alerts", 4)])
def test_a_target_that_is_missed_is_said_to_be(count: str, line: int) -> None:
    lines = report.targets({"calm": judged(**{**GOOD, count: GOOD[count] - 1})})
    assert lines[line].endswith("| **no** |")


@pytest.mark.parametrize(("false", "met"), [(9, "yes"), (10, "**no**")])
def test_a_clean_market_has_less_than_one_alert_in_twenty_symbol_days(false: int, met: str) -> None:
    lines = report.targets({"calm": judged(**GOOD), "clean": judged(alerts=false)})
    assert f"{false} in 200: {false / 10:.2f} in 20 | {met} |" in lines[-1]


def test_the_page_keeps_what_is_around_the_scores(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    groups = {"calm": [watched(2), watched(1)], "trending": [watched(3)]}
    scored = {"calm": judged(**GOOD), "trending": judged(20, **GOOD)}
    report.write(page, groups, scored, left=0)
    first = page.read_text()
    assert first.startswith(f"before\n{report.BEGIN}\n")
    assert first.endswith(f"{report.END}\nafter\n")
    assert "old" not in first
    assert "| `trending` | 3 | 20 | 20 | 0.85 | 10 | 0.90 | 20 | 0.90 |" in first
    assert "The rules about prices said, besides: `price_spike` 2." in first
    assert (tmp_path / "images" / report.PICTURE).read_bytes().startswith(b"\x89PNG")
    assert "Not complete" not in first
    report.write(page, groups, scored, left=0)
    assert page.read_text() == first
    report.write(page, groups, scored, left=7)
    assert "**Not complete: 7 markets are still to come; `make scores` goes on.**" in page.read_text()


def test_a_page_without_a_place_for_the_scores_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no place for the scores"):
        report.write(page, {"calm": [watched(1)]}, {"calm": judged(**GOOD)}, left=0)


def test_a_higher_bound_gives_up_recall_for_precision() -> None:
    matches = [
        {"alert_id": "a", "rule": "spoofing", "episode_id": "e1", "is_of_kind": True},
        {"alert_id": "a", "rule": "spoofing", "episode_id": "e9", "is_of_kind": False},
        {"alert_id": "b", "rule": "spoofing", "episode_id": "e2", "is_of_kind": True},
        {"alert_id": "c", "rule": "spoofing", "episode_id": None, "is_of_kind": False},
        {"alert_id": "d", "rule": "layering", "episode_id": "e3", "is_of_kind": True},
    ]
    found = curve("spoofing", 4, matches, {"a": 3.0, "b": 1.0, "c": 2.0, "d": 9.0})
    assert found == Curve([1.0, 2.0, 3.0], [2 / 3, 0.5, 1.0], [0.5, 0.25, 0.25])
