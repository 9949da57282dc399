"""`tickhouse match`: the pure matching engine over a file."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, NoReturn

import typer

if TYPE_CHECKING:
    from streaming.contracts.events import DeadLetter

STANDARD = Path("-")
SHOWN = 100
"""How many malformed lines are named one by one."""
LARGE = 4 * 2**20
"""Bytes of input from which a progress bar is worth its place."""


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    app.command("match")(match)


def match(
    commands: Annotated[Path, typer.Argument(help="Commands, one JSON object a line; - is standard input")],
    events: Annotated[Path, typer.Option(help="Where the events go, one JSON object a line; - is standard output")],
    reference: Annotated[
        bool,
        typer.Option(
            "--reference",
            help="No symbol exists before its `instrument` and none trades before its `session`. Without it, every "
            "symbol trades from the start: tick 0.01 dollar, lot 1, no collar.",
        ),
    ] = False,
    dead_letters: Annotated[
        Path | None, typer.Option(help="Where lines that are no command go, with the reason and the original bytes")
    ] = None,
) -> None:
    """Run a file of commands through the matching engine.

    Exit code 0 if every line was a command, 1 if some were not (they are named and passed over), 2 if a file cannot be
    opened.
    """
    from streaming.contracts.codec import encode_line
    from streaming.matching.exchange import Exchange
    from streaming.matching.replay import replay

    bad = 0
    with ExitStack() as stack:
        source = _open(stack, commands, "rb")
        for path in (events, dead_letters):
            if (
                path is not None
                and path != STANDARD
                and path.exists()
                and commands.exists()
                and path.samefile(commands)
            ):
                _refuse(f"{path} is the file of commands itself: writing to it would destroy it")
        sink = _open(stack, events, "wb")
        letters = None if dead_letters is None else _open(stack, dead_letters, "wb")

        def on_bad(letter: DeadLetter) -> None:
            nonlocal bad
            bad += 1
            if bad <= SHOWN:
                typer.echo(f"{letter.topic}:{letter.offset}: {letter.detail}", err=True)
            elif bad == SHOWN + 1:
                typer.echo("further malformed lines are counted, not named", err=True)
            if letters is not None:
                letters.write(encode_line(letter))

        gc.disable()  # nothing here makes cycles, and looking for them costs a third of the time
        start = time.perf_counter()
        lines = _with_progress(source, commands)
        try:
            counts = replay(str(commands), lines, sink, Exchange(bare=not reference), on_bad)
            sink.flush()
        except BrokenPipeError:  # the reader of the events has had enough
            sys.stderr.close()
            raise typer.Exit(1) from None
        except OSError as error:
            typer.echo(f"cannot go on: {error}", err=True)
            raise typer.Exit(2) from None
        finally:
            gc.enable()
        seconds = time.perf_counter() - start
    typer.echo(
        f"{counts.commands:,} commands, {counts.events:,} events, {counts.malformed:,} malformed lines "
        f"in {seconds:.1f} s ({counts.commands / max(seconds, 1e-9):,.0f} commands/s)",
        err=True,
    )
    if counts.malformed:
        raise typer.Exit(1)


def _open(stack: ExitStack, path: Path, mode: str) -> BinaryIO:
    if path == STANDARD:
        return sys.stdin.buffer if mode == "rb" else sys.stdout.buffer
    try:
        return stack.enter_context(path.open(mode, buffering=2**20))  # type: ignore[return-value]  # a binary mode
    except OSError as error:
        _refuse(f"cannot open {path}: {error.strerror}")


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(2)


def _with_progress(source: BinaryIO, path: Path) -> Iterable[bytes]:
    """The lines; a bar on standard error follows them where there is a terminal and enough to wait for."""
    if path == STANDARD or not sys.stderr.isatty() or not path.is_file() or path.stat().st_size < LARGE:
        return source
    return _counted(source, path)


def _counted(source: BinaryIO, path: Path) -> Iterator[bytes]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(path.name, total=path.stat().st_size)
        done = 0
        for number, line in enumerate(source):
            done += len(line)
            if number % 5_000 == 0:
                progress.update(task, completed=done)
            yield line
