"""The screen, driven by keys: what stands on it is what the state knows."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot
from textual.widgets import Input

from stack.watch.feed import Rates, WatchError
from stack.watch.screen import WatchScreen
from stack.watch.state import SymbolState, View
from stack.watch.words import clock, dollars
from streaming.contracts.events import Alert, MarketStatus
from streaming.matching.market import SymbolMarket
from tests.matching_streams import Day

SYMBOLS = [*(f"SYM{number}" for number in range(1, 11)), "ACME", "ZETA"]


class Recorded:
    """A source that plays a day of each symbol, up to a command in the middle of it."""

    def __init__(self) -> None:
        self.symbols = SYMBOLS
        self.trouble: str | None = None
        self.failure: BaseException | None = None
        self.states = {symbol: played(symbol, seed) for seed, symbol in enumerate(SYMBOLS)}
        self.watched = SYMBOLS[0]

    def watch(self, symbol: str) -> None:
        if symbol.upper() not in self.states:
            raise WatchError(f"The exchange does not trade {symbol}")
        self.watched = symbol.upper()

    def view(self, depth: int) -> View:
        return self.states[self.watched].view(depth, 0.0)

    def rates(self) -> Rates:
        return Rates(messages=1_234.4, trades=56.0)


def played(symbol: str, seed: int) -> SymbolState:
    market, state = SymbolMarket(symbol), SymbolState(symbol)
    for command in Day(symbol, seed).commands(500):
        state.hear(market.apply(command))
        state.hear([market.price()])
    state.begin()
    return state


def on_screen(app: WatchScreen) -> list[str]:
    """The lines of the screen."""
    lines: dict[float, str] = {}
    for x, y, text in re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', app.export_screenshot()):
        words = html.unescape(text).replace("\xa0", " ")
        lines[float(y)] = lines.get(float(y), "").ljust(round(float(x) / 12.2)) + words
    return [lines[y] for y in sorted(lines)]


def rows(app: WatchScreen) -> list[list[str]]:
    """The ladder's cells as they stand on the screen."""
    ladder = app.query_one("#ladder")
    width = ladder.size.width
    inside = [line[1:] for line in on_screen(app) if line.startswith("│")]
    return [line[:width].split() for line in inside if re.match(r"[\d,. ]+$", line[:width]) and line[:width].strip()]


def drive(test: Callable[[WatchScreen, Recorded, Pilot[None]], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        source = Recorded()
        app = WatchScreen(source)
        async with app.run_test(size=(110, 40), notifications=True) as pilot:
            await pilot.pause()
            await test(app, source, pilot)

    asyncio.run(all_of_it())


def test_the_ladder_on_the_screen_is_the_state() -> None:
    async def test(app: WatchScreen, source: Recorded, pilot: Pilot[None]) -> None:
        app.show()
        await pilot.pause()
        view = source.view(1_000)
        found = rows(app)
        assert len(found) > 10
        bids = {dollars(level.price): (f"{level.orders:,}", f"{level.shown:,}") for level in view.bids}
        asks = {dollars(level.price): (f"{level.shown:,}", f"{level.orders:,}") for level in view.asks}
        for cells in found:
            price = next(cell for cell in cells if "." in cell)
            assert cells == [*bids.get(price, ()), price, *asks.get(price, ())]
        prices = [next(cell for cell in cells if "." in cell) for cells in found]
        assert {dollars(view.bids[0].price), dollars(view.asks[0].price)} <= set(prices)
        everything = "\n".join(on_screen(app))
        last = view.trades[-1]
        assert re.search(rf"{clock(last.event_time)}\s+{re.escape(dollars(last.price))}\s+{last.quantity}", everything)
        assert "1,234 messages/s, 56 trades/s" in everything

    drive(test)


def test_keys_change_the_symbol() -> None:
    async def test(app: WatchScreen, source: Recorded, pilot: Pilot[None]) -> None:
        for key, symbol in (
            ("right", "SYM2"),
            ("n", "SYM3"),
            ("left", "SYM2"),
            ("p", "SYM1"),
            ("p", "ZETA"),
            ("n", "SYM1"),
            ("5", "SYM5"),
            ("0", "SYM10"),
        ):
            await pilot.press(key)
            assert source.watched == symbol
            assert any(line.startswith(f" {symbol}  ") for line in on_screen(app)), symbol
        await pilot.press("slash", *"acme", "enter")
        assert source.watched == "ACME"
        await pilot.press("slash", *"sym1", "escape")
        assert source.watched == "ACME"
        assert not app.query_one("#asked", Input).display
        await pilot.press("slash", *"sym9q", "enter")  # a letter that is a key elsewhere, and no such symbol
        assert source.watched == "ACME"
        await pilot.pause(0.3)
        assert "does not trade sym9q" in "\n".join(on_screen(app))
        assert app.is_running
        await pilot.press("right")
        assert source.watched == "ZETA"

    drive(test)


def test_status_bands_alerts_and_trouble_stand_on_the_screen() -> None:
    async def test(app: WatchScreen, source: Recorded, pilot: Pilot[None]) -> None:
        state = source.states["SYM1"]
        state.status = MarketStatus(
            sequence=9_000,
            symbol="SYM1",
            session="continuous",
            trading_date="2026-01-02",
            halt="paused",
            lower_price=900_000,
            upper_price=1_100_000,
            lower_band_price=950_000,
            upper_band_price=1_050_050,
            event_time=1_767_364_200_000_000,
        )
        state.hear(
            [
                Alert(
                    alert_id="a",
                    rule="price_move",
                    symbol="SYM1",
                    trader_ids=[],
                    order_ids=[],
                    begin=1,
                    end=2,
                    score=-7.25,
                    threshold=6.0,
                    event_time=1_767_364_200_000_000,
                )
            ]
        )
        source.trouble = "Kafka at here does not answer"
        app.show()
        await pilot.pause()
        everything = "\n".join(on_screen(app))
        for words in (
            "continuous, PAUSED",
            "2026-01-02 09:30",
            "price band 95.00 to 105.0050",
            "collar 90.00 to 110.00",
            "SYM1 price move: -7.2, threshold 6.0",
            "Kafka at here does not answer",
        ):
            assert words in everything

    drive(test)


def test_a_gap_takes_the_ladders_place() -> None:
    async def test(app: WatchScreen, source: Recorded, pilot: Pilot[None]) -> None:
        source.states["SYM2"] = SymbolState("SYM2")
        source.states["SYM2"].begin()
        await pilot.press("right")
        await pilot.pause()
        assert rows(app) == []
        assert "Kafka holds no snapshot" in "\n".join(on_screen(app))

    drive(test)


def test_it_ends_by_q_by_ctrl_c_and_when_the_source_fails() -> None:
    for key in ("q", "ctrl+c"):

        async def leave(app: WatchScreen, source: Recorded, pilot: Pilot[None], key: str = key) -> None:
            await pilot.press(key)
            assert app._exit

        drive(leave)

    async def fail(app: WatchScreen, source: Recorded, pilot: Pilot[None]) -> None:
        source.failure = RuntimeError("no more")
        app.show()
        assert app._exit

    drive(fail)
