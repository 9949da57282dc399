"""`tickhouse watch`: the market of a symbol, live."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stack.watch.feed import Feed


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    app.command()(watch)


def watch(
    symbol: Annotated[str | None, typer.Argument(help="Such as ACME; default: the first that the exchange has")] = None,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain", help="A line for each trade, change of status and alert; so it is without a terminal too"
        ),
    ] = False,
) -> None:
    """Watch the market live: book, trades, prices, status, alerts. Left and right change the symbol, q ends it."""
    from confluent_kafka import KafkaException

    from stack.commands.stack import reported
    from stack.watch.feed import Feed, WatchError

    with reported() as settings:
        feed = None
        try:
            feed = Feed(settings)
            _show(feed, feed.check(symbol) if symbol else feed.symbols[0], plain=plain)
        except WatchError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from error
        except KafkaException as error:
            typer.echo(f"Kafka at {settings.kafka} does not go on: {error}", err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:  # the way to end it
            raise typer.Exit from None
        finally:
            if feed is not None:
                feed.close()


def _show(feed: Feed, symbol: str, *, plain: bool) -> None:
    terminal = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb")
    if plain or not terminal:
        from stack.watch.plain import follow

        def complain(words: str) -> None:
            typer.echo(words, err=True)

        follow(feed, symbol, typer.echo, complain=complain)
    else:
        from stack.watch.screen import run

        run(feed, symbol)
