"""A history and live trading on a real Kafka, engine and ledger, with kill -9 in the middle of both."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from simulators.balances import read_balances
from simulators.differential import differential
from simulators.feed import Feed
from simulators.following import following
from simulators.history import generate, last_state
from simulators.market_time import market_time
from simulators.population import DEFAULT, CashDividend, Split, load_population
from simulators.publish import WrongExchangeError, publish
from simulators.risk import Account, orders_of
from simulators.runs import DayFiles, make_run
from streaming.contracts.events import (
    Accepted,
    Cancelled,
    CorporateAction,
    Expired,
    MarketStatus,
    Rejected,
    Replaced,
    Trade,
)
from streaming.contracts.settings import Settings
from streaming.contracts.topics import CORPORATE_ACTIONS, MARKET_STATUS, ORDER_EVENTS, TRADES

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

END = dt.date(2026, 11, 20)
ACTIONS = [
    Split(kind="split", symbol="ACME", numerator=3, denominator=2, date=END),
    CashDividend(kind="cash_dividend", symbol="BLUE", amount=1_500, date=END),
]
PEOPLE = load_population().model_copy(update={"corporate_action": ACTIONS})
RUN = make_run(seed=7, days=2, end=END, orders_per_day=3_000, population=PEOPLE)
STATUS = (MARKET_STATUS, CORPORATE_ACTIONS)
SECOND_LIVE_DAY = """
[[corporate_action]]
symbol = "DUNE"
kind = "split"
numerator = 2
denominator = 3
date = 2026-11-24
"""
SLOW_PUBLISHER = """
import datetime, sys, time
from simulators.publish import publish
from simulators.population import Population
from simulators.runs import make_run
from streaming.contracts.settings import settings

def told(sent, total):
    print(sent, flush=True)
    time.sleep(0.3)

people = Population.model_validate_json(sys.argv[1])
publish(settings(), make_run(7, 2, datetime.date(2026, 11, 20), 3_000, people), told)
"""


@pytest.fixture(scope="module")
def exchange(fresh_stack: Callable[..., Settings]) -> Settings:
    return fresh_stack("postgres", "kafka", "engine", "settlement")


def test_a_killed_publisher_sends_nothing_twice_and_the_platform_does_what_the_shadow_did(exchange: Settings) -> None:
    folder = generate(exchange.home, RUN)
    arguments = [sys.executable, "-c", SLOW_PUBLISHER, PEOPLE.model_dump_json()]
    publisher = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert publisher.stdout is not None
    for _ in range(2):
        sent = int(publisher.stdout.readline())
    publisher.kill()
    publisher.wait()
    publisher.stdout.close()

    half = differential(exchange, RUN, patience=8)
    assert not half.agrees
    assert half.different == half.repeated == 0
    assert 0 < half.compared < half.expected

    done = publish(exchange, RUN)
    assert 0 < done.sent <= done.messages - sent
    whole = differential(exchange, RUN)
    assert whole.agrees
    assert whole.first_difference is None
    assert whole.trades > 1_000

    accounts = last_state(exchange.home, RUN).accounts
    wait_for(lambda: holdings(read_balances(exchange, accounts)[0]) == holdings(accounts), 60, folder / "none.log")

    assert publish(exchange, RUN).sent == 0  # it is all there already

    other = replace(RUN, seed=8)
    generate(exchange.home, other)
    with pytest.raises(WrongExchangeError, match=r"market time is 2026-11-20 21:05:00 UTC.*Start a new one"):
        publish(exchange, other)

    assert following(exchange, RUN) == RUN
    later = replace(RUN, days=1, end=dt.date(2026, 11, 23))
    assert following(exchange, later) == replace(later, after=RUN)

    events = DayFiles(folder, END).events
    events.write_bytes(events.read_bytes().replace(b'"aggressor_side":"buy"', b'"aggressor_side":"sell"', 1))
    tampered = differential(exchange, RUN)
    assert not tampered.agrees
    assert tampered.different == 1
    assert "aggressor_side" in str(tampered.first_difference)


def holdings(accounts: dict[int, Account]) -> dict[int, tuple[int, dict[str, int]]]:
    return {trader: (account.cash, account.shares) for trader, account in accounts.items()}


@contextmanager
def service(log: Path, module: str) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts, and starts again, a process of the module; the last one is ended with SIGTERM, and must end well."""
    started: list[subprocess.Popen[bytes]] = []
    population = log.with_name("population.toml")
    population.write_text(DEFAULT.read_text() + SECOND_LIVE_DAY)
    environment = os.environ | {
        "TICKHOUSE_SPEED": "1800",
        "TICKHOUSE_ORDERS_PER_DAY": "6000",
        "TICKHOUSE_POPULATION": str(population),
    }

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            process = subprocess.Popen([sys.executable, "-m", module], env=environment, stdout=output, stderr=output)
        started.append(process)
        return process

    try:
        yield start
        started[-1].send_signal(signal.SIGTERM)
        assert started[-1].wait(20) == 0, log.read_text()
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
                process.wait()


def wait_for(what: Callable[[], Any], seconds: float, log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "".join(path.read_text() for path in log.parent.glob("*.log"))
        time.sleep(0.5)


def everything(settings: Settings) -> list[Any]:
    feed = Feed(settings, "test")
    try:
        starts = [start for topic in (*STATUS, ORDER_EVENTS, TRADES) for start in feed.begin(topic)]
        return [item for heard in feed.read_to_end(starts) for item in heard.said.items]
    finally:
        feed.close()


def test_live_traders_killed_in_the_middle_never_overspend_and_leave_no_order_behind(
    exchange: Settings, tmp_path: Path
) -> None:
    before = market_time(exchange) or 0
    known = {item.trade_id for item in everything(exchange) if isinstance(item, Trade)}

    def live() -> list[Trade]:
        items = everything(exchange)
        return [item for item in items if isinstance(item, Trade) and item.trade_id not in known]

    def dates() -> set[str]:
        statuses = [item for item in everything(exchange) if isinstance(item, MarketStatus)]
        return {status.trading_date for status in statuses if status.event_time > before}

    with service(tmp_path / "clock.log", "simulators.market_clock") as start_clock:
        clock = start_clock()
        with (
            service(tmp_path / "buyers.log", "simulators.buyers") as start_buyers,
            service(tmp_path / "sellers.log", "simulators.sellers") as start_sellers,
        ):
            buyers, _ = start_buyers(), start_sellers()
            wait_for(lambda: len(live()) > 50, 60, tmp_path / "clock.log")
            for process in (buyers, clock):
                process.kill()
                process.wait()
            start_buyers()
            start_clock()
            killed_at = market_time(exchange) or 0
            wait_for(lambda: len(dates()) > 1, 90, tmp_path / "clock.log")  # roles have been swapped
            second = market_time(exchange) or 0
            wait_for(lambda: any(t.event_time > max(killed_at, second) for t in live()), 60, tmp_path / "clock.log")

    items = everything(exchange)
    actions = [item for item in items if isinstance(item, CorporateAction) and item.event_time > before]
    assert [(action.symbol, action.status, action.ex_date) for action in actions] == [
        ("DUNE", "effective", "2026-11-24")
    ]
    left: Counter[int] = Counter()
    total: Counter[int] = Counter()
    for item in items:
        if isinstance(item, Accepted):
            left[item.order_id] += item.quantity
            total[item.order_id] = item.quantity
        elif isinstance(item, Replaced):  # an order's own events come in order
            left[item.order_id] += item.quantity - total[item.order_id]
            total[item.order_id] = item.quantity
        elif isinstance(item, Cancelled | Expired):
            left[item.order_id] -= item.quantity
        elif isinstance(item, Trade):
            for order_id in orders_of(item):
                left[order_id or 0] -= item.quantity
    still_open = [order for order, quantity in left.items() if quantity]
    for _ in range(20):  # the last cancels may still be on their way
        if not still_open:
            break
        time.sleep(0.5)
        gone = {item.order_id for item in everything(exchange) if isinstance(item, Cancelled | Expired)}
        still_open = [order for order in still_open if order not in gone]
    assert not still_open
    reasons = {item.reason for item in items if isinstance(item, Rejected)}
    assert reasons <= {"unknown_order", "market_closed"}  # a cancel, or an order, that came too late

    trades = {item.trade_id for item in items if isinstance(item, Trade)}
    with psycopg.connect(exchange.postgres(), autocommit=True) as ledger:

        def settled() -> int:
            row = ledger.execute("select count(*) from ledger.trades").fetchone()
            return row[0] if row else 0

        wait_for(lambda: settled() >= len(trades), 30, tmp_path / "clock.log")
        assert settled() == len(trades)
        assert ledger.execute("select * from ledger.breaches").fetchall() == []
        assert ledger.execute("select * from ledger.trader_balances where balance < 0").fetchall() == []
