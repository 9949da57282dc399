"""The plain lines, and the command's way out where there is nothing to watch."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from stack.cli import app
from stack.watch.feed import Meter
from stack.watch.plain import follow
from stack.watch.state import SymbolState
from stack.watch.words import line
from streaming.contracts.events import Alert, MarketStatus, Trade
from streaming.contracts.settings import settings

AT = 1_767_364_200_123_000
STATUS: dict[str, Any] = {"symbol": "ACME", "trading_date": "2026-01-02", "event_time": AT}
TRADE: dict[str, Any] = {"symbol": "ACME", "buyer_id": 1, "seller_id": 2, "event_time": AT}


def test_the_lines() -> None:
    trade = Trade(sequence=2, trade_id="ACME-2", price=1_000_500, quantity=1_200, aggressor_side="buy", **TRADE)
    assert line(trade) == "2026-01-02 09:30:00.123 ACME trade 1,200 at 100.05, buy"
    auction = Trade(sequence=2, trade_id="ACME-2", price=1_000_550, quantity=3, aggressor_side="none", **TRADE)
    assert line(auction) == "2026-01-02 09:30:00.123 ACME trade 3 at 100.0550, auction"
    status = MarketStatus(
        sequence=1,
        session="continuous",
        limit_state="upper",
        lower_price=900_000,
        upper_price=1_100_000,
        auction_price=1_000_000,
        auction_quantity=5_000,
        **STATUS,
    )
    assert line(status) == (
        "2026-01-02 09:30:00.123 ACME status continuous, LIMIT STATE: at the upper price band; "
        "collar 90.00 to 110.00; the auction traded 5,000 at 100.00"
    )
    unusual = Alert(
        alert_id="a",
        rule="price_move",
        symbol="ACME",
        trader_ids=[],
        order_ids=[],
        begin=1,
        end=2,
        score=8.0,
        threshold=6.0,
        event_time=AT,
    )
    assert line(unusual) == "2026-01-02 09:30:00.123 ACME alert price move: 8.0, threshold 6.0"


class Played:
    """A feed that tells of one trade, is in trouble once, and is then interrupted."""

    def __init__(self) -> None:
        self.state = SymbolState("ACME")
        self.trouble: str | None = None
        self._polls = 0

    def watch(self, symbol: str, *, tell: bool) -> list[None]:
        self.state.hear([MarketStatus(sequence=1, session="pre_open", **STATUS)])
        self.state.begin()
        self.state.told = [] if tell else None
        return []

    def poll(self, seconds: float) -> None:
        self._polls += 1
        if self._polls == 1:
            trade = Trade(sequence=2, trade_id="ACME-2", price=10_000, quantity=3, aggressor_side="sell", **TRADE)
            self.state.hear([trade])
            self.state.advance(0.0)
        elif self._polls == 4:
            raise KeyboardInterrupt
        self.trouble = "no answer" if self._polls == 2 else None


def test_a_line_for_what_happens_after_the_present_status() -> None:
    said: list[str] = []
    complained: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        follow(Played(), "ACME", said.append, complain=complained.append)  # type: ignore[arg-type]
    assert [words.split(" ", 3)[3] for words in said] == ["status pre open", "trade 3 at 1.00, sell"]
    assert complained == ["no answer", "Kafka answers again"]


def test_without_kafka_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from stack.settings import stack_settings
    from stack.watch import feed

    monkeypatch.setattr(feed, "TIMEOUT", 1.0)
    monkeypatch.setenv("TICKHOUSE_KAFKA_BOOTSTRAP", "127.0.0.1:9")
    for cached in (settings, stack_settings):
        cached.cache_clear()
    try:
        result = CliRunner().invoke(app, ["watch", "ACME"])
    finally:
        monkeypatch.undo()
        for cached in (settings, stack_settings):
            cached.cache_clear()
    assert result.exit_code == 1
    assert result.stderr == "Kafka at 127.0.0.1:9 does not answer: is the stack up? (tickhouse up)\n"
    assert result.stdout == ""


def test_rates_are_of_the_last_seconds() -> None:
    meter = Meter()
    meter.add(0.0, 1_000, 10)
    meter.add(4.0, 100, 5)
    assert meter.rates(4.0).messages == 220
    assert meter.rates(4.0).trades == 3
    assert meter.rates(6.0).messages == 20
    meter.add(20.0, 5, 0)
    assert meter.rates(20.0).messages == 1
    assert meter.rates(30.0).messages == 0
