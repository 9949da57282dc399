"""`tickhouse order`: asks the teller, and tells the answer as a table."""

from __future__ import annotations

import socket
from collections.abc import Callable
from decimal import Decimal

import psycopg
from confluent_kafka import KafkaException
from rich.console import Console
from rich.table import Table

from simulators.answers import Answer, Said
from simulators.balances import NotSeededError
from simulators.person import NoAnswerError, RefusedError, Teller, teller
from streaming.contracts.events import Accepted, Cancelled, Expired, MassCancelled, Replaced
from streaming.contracts.money import to_decimal
from streaming.contracts.reasons import CANCELLED, REJECTED
from streaming.contracts.settings import Settings


def ask(settings: Settings, console: Console, trader_id: int, question: Callable[[Teller], Answer]) -> int:
    """Put `question` to the trader's teller; the exit code: 0 unless the order was refused or rejected."""
    if not _listens(settings.kafka):
        console.print(f"[red]Kafka at {settings.kafka} does not answer: is the stack up? (tickhouse up)[/]")
        return 1
    try:
        with teller(settings, trader_id) as desk:
            answer = question(desk)
    except (psycopg.Error, KafkaException, NotSeededError) as error:
        console.print(f"[red]The stack does not answer: is all of it up? (tickhouse status)[/] {error}")
        return 1
    except (RefusedError, NoAnswerError) as error:
        console.print(f"[red]{error}[/]")
        return 1
    console.print(answer_table(answer))
    if answer.rejected:
        console.print(REJECTED[answer.rejected])
    return 1 if answer.rejected else 0


def _listens(servers: str) -> bool:
    host, _, port = servers.split(",")[0].rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=3):
            return True
    except OSError:
        return False


def answer_table(answer: Answer) -> Table:
    """What the exchange said, a line for each thing."""
    about = "All orders" if answer.order_id is None else f"Order {answer.order_id}"
    table = Table(title=f"{about}, {answer.command.symbol}")
    for name in ("What", "Quantity", "Price", "Value"):
        table.add_column(name, justify="left" if name == "What" else "right")
    if answer.rejected:
        table.add_row(f"[red]rejected: {answer.rejected}[/]")
    for event in answer.said:
        table.add_row(*_line(event, named=answer.order_id is None))
    for trade in answer.trades:
        price, value = to_decimal(trade.price), to_decimal(trade.price * trade.quantity)
        table.add_row(f"[green]traded[/] {trade.trade_id}", f"{trade.quantity:,}", _dollars(price), _dollars(value))
    if answer.open:
        table.add_row("still open", f"{answer.open:,}")
    return table


def _line(event: Said, *, named: bool) -> tuple[str, ...]:
    """What, quantity and price of an event; `named`: tell which order it is about."""
    if isinstance(event, Accepted):
        kind = event.order_type.replace("_", " ")
        return f"accepted: {event.side}, {kind}, {event.time_in_force}", f"{event.quantity:,}", _price(event)
    if isinstance(event, Replaced):
        what = "moved to the price band" if event.reason else "replaced: now in all"
        return what, f"{event.quantity:,}", _price(event)
    if isinstance(event, MassCancelled):
        return f"cancelled: {event.orders:,} order{'' if event.orders == 1 else 's'}", ""
    if isinstance(event, Cancelled):
        which = f" order {event.order_id}" if named else ""
        why = "" if event.reason == "requested" else f": {CANCELLED[event.reason]}"
        return f"cancelled{which}{why}", f"{event.quantity:,}"
    if isinstance(event, Expired):
        return "expired", f"{event.quantity:,}"
    return "triggered: the stop price has come", ""


def _price(event: Accepted | Replaced) -> str:
    """The limit, and what a stop order waits for."""
    prices = [] if event.price is None else [_dollars(to_decimal(event.price))]
    if event.stop_price is not None:
        prices.append(f"stop {_dollars(to_decimal(event.stop_price))}")
    return ", ".join(prices) or "market"


def _dollars(amount: Decimal) -> str:
    return f"${amount:,.4f}"
