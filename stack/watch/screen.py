"""The screen of `tickhouse watch`."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from rich.table import Table
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.css.query import NoMatches
from textual.events import Key
from textual.widgets import Footer, Input, Sparkline, Static

from stack.watch.feed import Feed, WatchError
from stack.watch.reader import Reader, Source
from stack.watch.state import View
from stack.watch.words import aggressor, alert, bounds, clock, date_and_clock, dollars, quote, session

REFRESH_SECONDS = 0.2
SIDES = {"buy": "green", "sell": "red", "none": "yellow"}
HEADING = 1
"""Lines that a table's heading takes."""
SEEN_ALERTS = 4


class WatchScreen(App[None]):
    """One symbol: ladder, tape, prices, status, alerts, rates."""

    CSS = """
    #symbols { height: 1; }
    #head { height: 3; padding: 0 1; background: $panel; }
    #ladder { width: 3fr; height: 1fr; border: round $primary; }
    #right { width: 4fr; }
    #closes { height: 5; border: round $primary; }
    #tape { height: 1fr; border: round $primary; }
    #alerts { height: 6; border: round $primary; }
    #foot { height: 1; padding: 0 1; }
    #asked { display: none; }
    """
    TITLE = "tickhouse watch"
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None
    BINDINGS = [  # noqa: RUF012  # Textual's form
        Binding("right,n", "step(1)", "next symbol", key_display="→ n"),
        Binding("left,p", "step(-1)", "previous", key_display="← p"),
        Binding("slash", "ask", "type a symbol", key_display="/"),
        Binding("escape", "forget", show=False),
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "quit", show=False, priority=True),
    ]

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source

    def compose(self) -> ComposeResult:
        """The parts of the screen."""
        yield Static(id="symbols")
        yield Static(id="head")
        with Horizontal():
            yield Static(id="ladder")
            with Vertical(id="right"):
                yield Sparkline(id="closes")
                yield Static(id="tape")
                yield Static(id="alerts")
        yield Static(id="foot")
        yield Input(id="asked", placeholder="Symbol, then Enter")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look at the source."""
        for name, title in (("ladder", "Book"), ("closes", "Price"), ("tape", "Trades"), ("alerts", "Alerts")):
            self.query_one(f"#{name}").border_title = title
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(RuntimeError, ValueError, NotImplementedError):  # not in the main thread
                loop.add_signal_handler(number, self.exit)
        self.set_interval(REFRESH_SECONDS, self.show)
        self.call_after_refresh(self.show)

    # Keys

    def on_key(self, event: Key) -> None:
        """A digit is the place of a symbol in the list: 1 the first, 0 the tenth."""
        if event.key.isdigit() and not self.query_one("#asked").display:
            place = (int(event.key) - 1) % 10
            if place < len(self._source.symbols):
                self._change(self._source.symbols[place])

    def action_step(self, by: int) -> None:
        """The next symbol of the list, or the one before."""
        symbols = self._source.symbols
        now = self._source.view(1).symbol
        self._change(symbols[(symbols.index(now) + by) % len(symbols)])

    def action_ask(self) -> None:
        """Let a symbol be typed."""
        asked = self.query_one("#asked", Input)
        asked.value, asked.display = "", True
        asked.focus()

    def action_forget(self) -> None:
        """No symbol after all."""
        self.query_one("#asked").display = False
        self.set_focus(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A symbol was typed."""
        self.action_forget()
        if event.value.strip():
            self._change(event.value)

    def _change(self, symbol: str) -> None:
        try:
            self._source.watch(symbol)
        except WatchError as error:
            self.notify(str(error), severity="warning", markup=False)
        self.show()

    # Showing

    def show(self) -> None:
        """Show what the source knows now."""
        if self._source.failure is not None:
            self.exit()
            return
        with suppress(NoMatches):  # the parts are gone already when the timer rings once more at the end
            self._show()

    def _show(self) -> None:
        ladder = self.query_one("#ladder", Static)
        view = self._source.view(max(1, ladder.size.height - HEADING))
        self.query_one("#symbols", Static).update(_symbols(self._source.symbols, view.symbol, self.size.width))
        self.query_one("#head", Static).update(_head(view))
        ladder.update(ladder_of(view, ladder.size.height - HEADING))
        closes = self.query_one("#closes", Sparkline)
        closes.data = list(view.closes)
        if view.closes:
            low, high = dollars(min(view.closes)), dollars(max(view.closes))
            closes.border_subtitle = f"{len(view.closes)} minutes with trades, {low} to {high}"
        tape = self.query_one("#tape", Static)
        tape.update(tape_of(view, tape.size.height - HEADING))
        self.query_one("#alerts", Static).update(_alerts(view))
        self.query_one("#foot", Static).update(self._foot(view))

    def _foot(self, view: View) -> Text:
        if self._source.trouble is not None:
            return Text(self._source.trouble, "bold red")
        rates = self._source.rates()
        words = f"All symbols: {rates.messages:,.0f} messages/s, {rates.trades:,.0f} trades/s"
        words += f"  ·  {view.symbol}: event {view.sequence:,}"
        if view.checked:
            words += f", ladder equal to {view.checked:,} snapshot{'s' if view.checked > 1 else ''}"
        return Text(words, "dim")


def run(feed: Feed, symbol: str) -> None:
    """Show the screen until the user has seen enough. KafkaException or WatchError if the feed fails."""
    reader = Reader(feed, symbol)
    reader.start()
    try:
        WatchScreen(reader).run()
    finally:
        reader.stop()
    if reader.failure is not None:
        raise reader.failure


def ladder_of(view: View, rows: int) -> Table | Text:
    """The best prices of both sides, the highest first, in at most `rows` rows; or why there are none."""
    if view.problem is not None:
        return Text(view.problem, "bold yellow")
    if not view.bids and not view.asks:
        return Text("No order stands on the book.", "dim")
    bids, asks = list(view.bids), list(view.asks)
    while len({level.price for level in (*bids, *asks)}) > max(rows, 2):
        (bids if len(bids) >= len(asks) else asks).pop()
    table = Table(box=None, expand=True, padding=(0, 1), header_style="dim")
    for name in ("orders", "bid", "price", "ask", "orders"):
        table.add_column(name, justify="right")
    bid, ask = {level.price: level for level in bids}, {level.price: level for level in asks}
    for price in sorted({*bid, *ask}, reverse=True):
        cells = []
        for level, colour in ((bid.get(price), "green"), (ask.get(price), "red")):
            cells.append(Text(f"{level.orders:,}", "dim") if level else Text())
            cells.append(Text(f"{level.shown:,}", colour) if level else Text())
        table.add_row(cells[0], cells[1], Text(dollars(price), "bold"), cells[3], cells[2])
    return table


def tape_of(view: View, rows: int) -> Table:
    """The last trades, the latest first."""
    table = Table(box=None, expand=True, padding=(0, 1), header_style="dim")
    for name in ("time", "price", "quantity", "aggressor"):
        table.add_column(name, justify="left" if name in ("time", "aggressor") else "right")
    for trade in list(reversed(view.trades))[: max(rows, 1)]:
        colour = SIDES[trade.aggressor_side]
        table.add_row(
            Text(clock(trade.event_time), "dim"),
            Text(dollars(trade.price), colour),
            f"{trade.quantity:,}",
            Text(aggressor(trade), colour),
        )
    return table


def _symbols(symbols: list[str], now: str, width: int) -> Text:
    """The list, with the place of the first ten; it begins nearer to what is watched where that would not fit."""
    at = symbols.index(now) if now in symbols else 0
    first = 0
    while first < at and sum(len(symbol) + 4 for symbol in symbols[first : at + 1]) > width:
        first += 1
    text = Text(no_wrap=True, overflow="ellipsis")
    for place, symbol in list(enumerate(symbols, 1))[first:]:
        text.append(f" {place % 10 if place <= 10 else ' '}", "dim")
        text.append(f" {symbol} ", "reverse bold" if symbol == now else "")
    return text


def _head(view: View) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(view.symbol, "bold").append(f"  {quote(view)}\n")
    status = view.status
    if status is None:
        return text.append("no status was told yet", "dim")
    unusual = status.halt is not None or status.limit_state is not None
    text.append(session(status), "bold red" if unusual else "bold cyan")
    time = max(status.event_time, view.price.event_time if view.price else 0)
    text.append(f"  {date_and_clock(time)} New York\n")
    return text.append("  ·  ".join(bounds(status)) or "no collar, no price band", "dim")


def _alerts(view: View) -> Text:
    if not view.alerts:
        return Text("none", "dim")
    lines = []
    for item in list(reversed(view.alerts))[:SEEN_ALERTS]:
        words = f"{date_and_clock(item.event_time)}  {alert(item)}"
        lines.append(Text(words, "bold yellow" if item.symbol == view.symbol else ""))
    return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)
