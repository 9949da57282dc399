"""How fast a history is generated, and what market comes out: `python benchmarks/simulators_history.py [days]`.

Prints commands a second, and over all days: trades a day, the median spread in ticks and basis points, and each
symbol's realised daily volatility (square root of the sum of squared five-minute returns).
"""

from __future__ import annotations

import datetime as dt
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

from simulators.calendar import last_complete_trading_day
from simulators.history import generate
from simulators.runs import DayFiles, make_run
from simulators.settings import simulator_settings
from streaming.contracts.codec import decode_command
from streaming.contracts.commands import Clock
from streaming.contracts.events import Trade
from streaming.contracts.reference import instruments
from streaming.matching.exchange import Exchange

TICKS = {instrument.symbol: instrument.tick_size for instrument in instruments()}


def main(days: int) -> None:
    """Generate `days` days in a temporary folder, and report."""
    options = simulator_settings()
    end = last_complete_trading_day(dt.datetime.now(dt.UTC)).date
    run = make_run(options.seed, days, end, options.orders_per_day)
    with tempfile.TemporaryDirectory() as home:
        began, cpu = time.perf_counter(), time.process_time()
        folder = generate(Path(home), run)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        report(folder, [day.date for day in run.trading_days()], wall, cpu)


def report(folder: Path, dates: list[dt.date], wall: float, cpu: float) -> None:
    """Replay the commands and print what the market was like."""
    exchange = Exchange()
    commands = trades = 0
    spreads: list[int] = []
    bps: list[float] = []
    volatility: dict[str, list[float]] = defaultdict(list)
    for date in dates:
        closes: dict[str, list[int]] = defaultdict(list)
        for line in DayFiles(folder, date).commands.read_bytes().splitlines():
            command = decode_command(line)
            commands += 1
            trades += sum(isinstance(event, Trade) for event in exchange.apply(command))
            if isinstance(command, Clock):
                price = exchange.markets[command.symbol].price()
                if price.bid_price and price.ask_price:
                    spreads.append((price.ask_price - price.bid_price) // TICKS[command.symbol])
                    bps.append((price.ask_price - price.bid_price) / price.ask_price * 1e4)
                if price.last_price:
                    closes[command.symbol].append(price.last_price)
        for symbol, prices in closes.items():
            fives = prices[::5]
            squares = [(after / before - 1) ** 2 for before, after in pairwise(fives)]
            volatility[symbol].append(sum(squares) ** 0.5 * 100)
    print(f"{commands / wall:,.0f} commands/s of wall time, {commands / cpu:,.0f} a second of processor time")
    print(f"{commands // len(dates):,} commands and {trades // len(dates):,} trades a day")
    print(f"spread: median {statistics.median(spreads)} ticks, {statistics.median(bps):.1f} basis points")
    for symbol, values in sorted(volatility.items()):
        print(
            f"{symbol:6} volatility a day: {min(values):.2f} to {max(values):.2f} %, mean {statistics.mean(values):.2f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
