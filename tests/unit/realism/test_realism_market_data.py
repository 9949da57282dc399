"""From files to arrays: a small market whose every number is known."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulators.calendar import trading_day
from simulators.realism.market_data import (
    DEPTH_EVERY,
    STEP,
    NoFilesError,
    newest_run,
    read_month,
    run_days,
)
from simulators.runs import DayFiles
from streaming.contracts.codec import MINUTE, encode_line
from streaming.contracts.commands import AnyCommand, CancelOrder, Clock, DefineInstrument, NewOrder, SetSession
from streaming.matching.exchange import Exchange

FIRST, SECOND = dt.date(2026, 11, 25), dt.date(2026, 11, 27)  # the second closes early
OPEN = trading_day(FIRST).open
SECOND_OPEN = trading_day(SECOND).open
EARLY = trading_day(SECOND).minutes


def order(number: int, trader: int, side: str, quantity: int, price: int | None, time: int, **more: Any) -> NewOrder:
    return NewOrder(
        order_id=number, trader_id=trader, symbol="ACME", side=side, order_type="market" if price is None else "limit",
        price=price, quantity=quantity, time_in_force="ioc" if price is None else "day", event_time=time, **more,
    )  # fmt: skip


def session(name: Any, date: dt.date, time: int, reference: int | None = None) -> SetSession:
    return SetSession(symbol="ACME", session=name, trading_date=str(date), reference_price=reference, event_time=time)


DEFINE = DefineInstrument(
    symbol="ACME", tick_size=100, lot_size=1, max_quantity=10**6, collar_bps=2000, event_time=OPEN - 10 * MINUTE
)
DAY_ONE: list[AnyCommand] = [
    DEFINE,
    session("opening_auction", FIRST, OPEN - 5 * MINUTE, 1_000_000),
    order(1, 11, "buy", 40, 1_000_000, OPEN - 4 * MINUTE),
    order(1, 12, "sell", 40, 1_000_000, OPEN - 3 * MINUTE),
    session("continuous", FIRST, OPEN),  # the auction trades 40, and has no aggressor
    order(2, 12, "sell", 100, 1_000_300, OPEN + 1),
    order(3, 12, "sell", 100, 1_000_500, OPEN + 2),
    order(4, 11, "buy", 100, 999_900, OPEN + 3),
    order(5, 11, "buy", 60, 999_700, OPEN + 4),
    Clock(symbol="ACME", event_time=OPEN + MINUTE - 1),
    order(6, 13, "buy", 150, None, OPEN + MINUTE + 5),  # takes 100 at the best, 50 at the next
    order(7, 14, "sell", 30, None, OPEN + 2 * MINUTE + 5),
    CancelOrder(order_id=4, trader_id=11, symbol="ACME", event_time=OPEN + 6 * MINUTE),
    session("closed", FIRST, trading_day(FIRST).close),
    Clock(symbol="ACME", event_time=trading_day(FIRST).end),
]
DAY_TWO: list[AnyCommand] = [
    session("continuous", SECOND, SECOND_OPEN, 1_000_500),
    order(8, 11, "buy", 10, 1_000_000, SECOND_OPEN + 1),
    order(9, 12, "sell", 10, 1_001_000, SECOND_OPEN + 2),
    order(10, 13, "sell", 10, None, SECOND_OPEN + 3),
    session("closed", SECOND, trading_day(SECOND).close),
    Clock(symbol="ACME", event_time=trading_day(SECOND).end),
]


def write(folder: Path, days: dict[dt.date, Sequence[AnyCommand]], exchange: Exchange | None = None) -> list[DayFiles]:
    """A run's files, as far as they are read."""
    folder.mkdir(parents=True, exist_ok=True)
    exchange = exchange or Exchange()
    for date, commands in days.items():
        files = DayFiles(folder, date)
        files.commands.write_bytes(b"".join(map(encode_line, commands)))
        for command in commands:
            exchange.apply(command)
        files.state.write_text(json.dumps({"accounts": {}, "markets": exchange.dump().decode()}))
    return run_days(folder)


@pytest.fixture
def both(tmp_path: Path) -> list[DayFiles]:
    return write(tmp_path / "history" / "run", {FIRST: DAY_ONE, SECOND: DAY_TWO})


def test_best_prices_are_those_at_the_end_of_every_ten_seconds(both: list[DayFiles]) -> None:
    [acme] = read_month(both).symbols
    assert acme.bid.shape == (2, 390 * 6)
    assert acme.bid[0, :36].tolist() == [999_900.0] * 36
    assert acme.ask[0, :6].tolist() == [1_000_300.0] * 6
    assert acme.ask[0, 6:36].tolist() == [1_000_500.0] * 30
    assert acme.bid[0, 36] == 999_700  # after the cancellation
    assert acme.spread[0, 0] == pytest.approx(400 / 1_000_100)
    assert STEP * 6 == MINUTE


def test_after_an_early_close_nothing_is_known(both: list[DayFiles]) -> None:
    month = read_month(both)
    [acme] = month.symbols
    assert month.minutes.tolist() == [390, EARLY]
    assert np.isnan(acme.bid[1, EARLY * 6 :]).all()
    assert np.isnan(acme.mid[1, EARLY * 6 :]).all()
    assert np.isnan(acme.volume[1, EARLY:]).all()
    assert acme.ask[1, EARLY * 6 - 1] == 1_001_000


def test_the_mid_price_stays_where_a_side_is_empty(both: list[DayFiles]) -> None:
    [acme] = read_month(both).symbols
    assert np.isnan(acme.bid[1]).all()  # the only bid was taken three microseconds after the open
    assert np.isnan(acme.mid[1]).all()
    lonely = acme.mid.copy()
    assert lonely[0, 0] == 1_000_100


def test_volume_is_that_of_continuous_trading(both: list[DayFiles]) -> None:
    [acme] = read_month(both).symbols
    assert acme.volume[0, :4].tolist() == [0, 150, 30, 0]  # not the auction's 40
    assert acme.volume[1, 0] == 10


def test_an_order_that_trades_twice_is_one_taker(both: list[DayFiles]) -> None:
    [acme] = read_month(both).symbols
    assert acme.taker_time.tolist() == [OPEN + MINUTE + 5, OPEN + 2 * MINUTE + 5, SECOND_OPEN + 3]
    assert acme.taker_sign.tolist() == [1, -1, -1]
    assert acme.taker_quantity.tolist() == [150, 30, 10]
    assert acme.taker_trader.tolist() == [13, 14, 13]
    assert acme.taker_mid.tolist() == [1_000_100, 1_000_200, 1_000_500]
    assert acme.taker_mid_after[:2].tolist() == [1_000_200, 1_000_200]
    assert np.isnan(acme.taker_mid_after[2])


def test_arrivals_are_all_accepted_orders(both: list[DayFiles]) -> None:
    month = read_month(both)
    [acme] = month.symbols
    assert acme.arrival_quantity.tolist() == [40, 40, 100, 100, 100, 60, 150, 30, 10, 10, 10]
    assert acme.arrival_time[2] == OPEN + 1
    assert month.commands == len(DAY_ONE) + len(DAY_TWO)


def test_depth_is_averaged_over_the_looks_of_both_sides(tmp_path: Path) -> None:
    quiet = [one for one in DAY_ONE if not isinstance(one, CancelOrder)]
    [acme] = read_month(write(tmp_path, {FIRST: quiet})).symbols
    # Bids 70 at the best and 60 two ticks below it; asks 50 at the best. As many looks at each side.
    assert acme.depth[:3].tolist() == [60, 0, 30]
    assert acme.depth[3:].sum() == 0
    assert 390 * 6 % DEPTH_EVERY == 0


def test_measuring_may_begin_on_a_later_day_and_in_a_run_that_follows(both: list[DayFiles]) -> None:
    expected = read_month(both).symbols[0]
    [alone] = read_month(both[1:]).symbols
    np.testing.assert_array_equal(alone.ask, expected.ask[1:, : EARLY * 6])
    exchange = Exchange.load(json.loads(both[0].state.read_text())["markets"].encode())
    after = write(both[0].folder.parent / "after", {SECOND: DAY_TWO}, exchange)
    (after[0].folder / "run.json").write_text(json.dumps({"seed": 7, "after": "first"}))
    write(both[0].folder.parent / "first", {FIRST: DAY_ONE})
    [following] = read_month(after).symbols
    np.testing.assert_array_equal(following.ask, alone.ask)
    assert following.arrival_quantity.tolist() == [10, 10, 10]


def test_the_newest_run_is_the_one_finished_last(tmp_path: Path) -> None:
    with pytest.raises(NoFilesError, match="tickhouse history"):
        newest_run(tmp_path)
    write(tmp_path / "history" / "b", {FIRST: DAY_ONE})
    newer = write(tmp_path / "history" / "a", {FIRST: DAY_ONE})
    stamp = newer[0].state.stat().st_mtime + 10
    import os

    os.utime(newer[0].state, (stamp, stamp))
    assert newest_run(tmp_path).name == "a"


def test_a_folder_without_finished_days_is_refused(tmp_path: Path) -> None:
    DayFiles(tmp_path, FIRST).commands.write_bytes(b"")
    with pytest.raises(NoFilesError, match="no finished day"):
        run_days(tmp_path)
    with pytest.raises(NoFilesError):
        read_month([])
