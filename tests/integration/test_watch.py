"""`tickhouse watch` on a real Kafka and engine: its ladders are those of the pure market."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from stack.watch import feed as feeds
from stack.watch.feed import Feed, WatchError
from streaming.contracts.commands import AnyCommand
from streaming.contracts.kafka import producer_config
from streaming.contracts.settings import Settings
from streaming.contracts.topics import ORDERS
from streaming.matching.market import SymbolMarket
from tests.matching_streams import Day, envelopes

pytestmark = pytest.mark.timeout(300)

SYMBOLS = ("ACME", "BLUE")


@pytest.fixture(scope="module")
def exchange(fresh_stack: Callable[..., Settings]) -> Settings:
    return fresh_stack("kafka", "engine", engine_snapshot_commands="300")


def send(settings: Settings, commands: dict[str, list[AnyCommand]]) -> None:
    producer = Producer(producer_config(settings))
    for symbol, some in commands.items():
        for value in envelopes(some, seed=1):
            producer.produce(ORDERS.name, key=symbol, value=value)
    producer.flush()


def ladder(market: SymbolMarket, best: int) -> list[list[tuple[int, int]]]:
    sides = (market.book.bids, market.book.asks)
    return [[(level.price, level.shown) for level in side.in_order()][:best] for side in sides]


def follow(feed: Feed, market: SymbolMarket) -> None:
    """Wait until the feed knows the symbol's last event; its ladder is then the market's."""
    deadline = time.monotonic() + 60
    while feed.state.applied < market.sequence or feed.view(1).problem:
        assert time.monotonic() < deadline, feed.view(1)
        feed.poll(0.1)
    view = feed.view(20)
    assert [[(level.price, level.shown) for level in side] for side in (view.bids, view.asks)] == ladder(market, 20)
    assert view.sequence == market.sequence


def command(*arguments: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", "from stack.cli import app; app()", "watch", *arguments]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_ladder_is_exact_from_the_past_live_and_after_a_change_of_symbol(
    exchange: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WatchError, match="no session has begun"):
        Feed(exchange)
    days = {symbol: Day(symbol, seed).commands(3_000) for seed, symbol in enumerate(SYMBOLS)}
    markets = {symbol: SymbolMarket(symbol) for symbol in SYMBOLS}

    def go_on(first: int, last: int) -> None:
        send(exchange, {symbol: commands[first:last] for symbol, commands in days.items()})
        for symbol, commands in days.items():
            for each in commands[first:last]:
                markets[symbol].apply(each)

    go_on(0, 1_000)
    whole = wait_for_symbols(exchange)
    monkeypatch.setattr(feeds, "BACK", {topic: min(most, 200) for topic, most in feeds.BACK.items()})
    late = Feed(exchange)  # it has to begin at a snapshot
    try:
        for feed in (whole, late):
            for symbol in SYMBOLS:
                for _ in feed.watch(symbol):
                    pass
                follow(feed, markets[symbol])
        go_on(1_000, 2_500)
        follow(whole, markets["BLUE"])
        assert whole.state.checked > 1
        go_on(2_500, 3_000)
        for feed in (whole, late):
            follow(feed, markets["BLUE"])
        with pytest.raises(WatchError, match="does not trade CRUX; it trades: ACME, BLUE"):
            whole.check("crux")
    finally:
        whole.close()
        late.close()


def wait_for_symbols(settings: Settings) -> Feed:
    deadline = time.monotonic() + 60
    while True:
        try:
            feed = Feed(settings)
        except WatchError:
            assert time.monotonic() < deadline
            time.sleep(0.5)
            continue
        if feed.symbols == list(SYMBOLS):
            return feed
        feed.close()
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_the_command_prints_lines_and_ends_by_ctrl_c(exchange: Settings) -> None:
    unknown = command("nope")
    assert unknown.communicate(timeout=60) == ("", "The exchange does not trade NOPE; it trades: ACME, BLUE\n")
    assert unknown.returncode == 1
    watching = command("acme", "--plain")
    assert watching.stdout is not None
    assert " ACME status " in watching.stdout.readline()
    send(exchange, {"ACME": Day("ACME", 0).commands(3_000, days=2)[1_500:]})  # the second day, near enough
    assert " ACME " in watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    _, errors = watching.communicate(timeout=60)
    assert (watching.returncode, errors) == (0, "")
