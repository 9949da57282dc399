"""`tickhouse order`: asks the teller, and tells the answer as a table."""

from __future__ import annotations

import socket
from collections.abc import Callable
from decimal import Decimal

import psycopg
from confluent_kafka import KafkaException
from rich.console import Console
from rich.table import Table

from simulators.balances import NotSeededError
from simulators.person import Answer, NoAnswerError, RefusedError, Teller, teller
from streaming.contracts.money import to_decimal
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
    console.print(_table(answer))
    return 1 if answer.rejected else 0


def _listens(servers: str) -> bool:
    host, _, port = servers.split(",")[0].rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=3):
            return True
    except OSError:
        return False


def _table(answer: Answer) -> Table:
    table = Table(title=f"Order {answer.order_id}, {answer.symbol}")
    for name in ("What", "Quantity", "Price", "Value"):
        table.add_column(name, justify="left" if name == "What" else "right")
    if answer.rejected:
        table.add_row(f"[red]rejected: {answer.rejected}[/]")
    accepted = answer.accepted
    if accepted:
        limit = "market" if accepted.price is None else _dollars(to_decimal(accepted.price))
        table.add_row(f"accepted: {accepted.side}", f"{accepted.quantity:,}", limit, "")
    for trade in answer.trades:
        price, value = to_decimal(trade.price), to_decimal(trade.price * trade.quantity)
        table.add_row(f"[green]traded[/] {trade.trade_id}", f"{trade.quantity:,}", _dollars(price), _dollars(value))
    if answer.cancelled:
        table.add_row("cancelled", f"{answer.cancelled:,}")
    if answer.open:
        table.add_row("on the book", f"{answer.open:,}")
    return table


def _dollars(amount: Decimal) -> str:
    return f"${amount:,.4f}"
