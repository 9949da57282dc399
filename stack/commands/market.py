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
    from streaming.matching.exchange import Exchange
    from streaming.matching.replay import Counts, Reject, Watch

STANDARD = Path("-")
SHOWN = 100
"""How many malformed lines are named one by one."""
NAMED = 20
"""How many symbols a message names."""
LARGE = 4 * 2**20
"""Bytes of input from which a progress bar is worth its place."""
BUFFER = 2**20


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    app.command("match")(match)


def match(
    commands: Annotated[Path, typer.Argument(help="Commands, one JSON object a line; - is standard input")],
    events: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the events go, one JSON object a line; - is standard output"),
    ] = None,
    symbols: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The symbols that exist, and their rules. A .csv file has a header and the column symbol, and may "
            "have tick_size (100: 0.01 dollar), lot_size (1), max_quantity (10^9), max_notional, collar_bps (9999) and "
            "luld_tier; any other file has an `instrument` command a line. They trade from the start; collar and price "
            "bands hold from the first `session` that sets a reference price.",
        ),
    ] = None,
    reference: Annotated[
        bool,
        typer.Option(
            "--reference",
            help="No symbol exists before its `instrument` and none trades before its `session`. With neither this nor "
            "--symbols, every symbol trades from the start: tick 0.01 dollar, lot 1, no collar.",
        ),
    ] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(
            "--rejects",
            "--dead-letters",
            metavar="FILE",
            help="Where lines that are no command go, each as a JSON object: line (its number), reason (not_json or "
            "not_a_command), detail (in words) and payload (its bytes in base 64). Default: the events file's name and "
            ".rejects.jsonl, made only if there is such a line.",
        ),
    ] = None,
    book_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Print each symbol's book as it stood at this market time: ISO 8601 (UTC if it names no offset), or "
            "microseconds since 1970. The events are optional then.",
        ),
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="The only symbol whose book to print")] = None,
    levels: Annotated[int, typer.Option(min=1, help="How many prices of each side of a book to print")] = 10,
) -> None:
    """Run a file of commands through the matching engine.

    Exit code 0 if every line was a command, 1 if some were not (they are named and passed over), 2 if an option or a
    file is not usable.
    """
    from streaming.matching.replay import Watch, replay

    if events is None and book_at is None:
        _refuse("nothing to do: give --events FILE for what happens, --book-at TIME for the books, or both")
    if symbols is not None and reference:
        _refuse("--symbols and --reference exclude each other: the symbols come from a file, or from the commands")
    if symbol is not None and book_at is None:
        _refuse("--symbol says whose book to print: it needs --book-at TIME")
    exchange = _exchange(symbols, bare=not reference)
    watch = None if book_at is None else Watch(exchange, _moment(book_at))
    try:
        with ExitStack() as stack:
            source = _open(stack, commands, "rb")
            beside = None
            if events not in (None, STANDARD) and rejects is None:
                beside = Path(f"{events}.rejects.jsonl")
            _guard([commands, symbols], [events, rejects, beside])
            sink = None if events is None else _open(stack, events, "wb")
            if beside is not None and events is not None and not events.is_file():
                beside = None  # what is no file has no place beside it
            bad = _Rejects(stack, commands, rejects, beside)
            gc.disable()  # nothing here makes cycles, and looking for them costs a third of the time
            start = time.perf_counter()
            apply = exchange.apply if watch is None else watch.apply
            counts = replay(_with_progress(source, commands), apply, sink, bad.take)
            if sink is not None:
                sink.flush()
        seconds = time.perf_counter() - start
    except BrokenPipeError:  # the reader of the events has had enough: typer ends the process quietly
        raise
    except OSError as error:
        _refuse(f"cannot go on: {error}")
    finally:
        gc.enable()
    _sum_up(counts, seconds)
    if watch is not None:
        _show(watch, symbol, levels, to_error=STANDARD in (events, rejects))
    if counts.malformed:
        raise typer.Exit(1)


class _Rejects:
    """What becomes of malformed lines: the first are named, and all written to a file if there is to be one.

    A file that was asked for is there from the start; the one `beside` the events comes with the first malformed line.
    """

    def __init__(self, stack: ExitStack, source: Path, asked: Path | None, beside: Path | None) -> None:
        self._stack, self._source, self._beside = stack, source, beside
        self._count = 0
        self._file = None if asked is None else _open(stack, asked, "wb")
        if beside is not None:
            beside.unlink(missing_ok=True)  # an earlier run's

    def take(self, reject: Reject) -> None:
        """A line that is no command."""
        from streaming.contracts.codec import encode_line

        self._count += 1
        if self._count <= SHOWN:
            typer.echo(f"{self._source}:{reject.line}: {reject.detail}", err=True)
        elif self._count == SHOWN + 1:
            typer.echo("further malformed lines are counted, not named", err=True)
        if self._file is None and self._beside is not None:
            self._file = _open(self._stack, self._beside, "wb")
            typer.echo(f"malformed lines are kept in {self._beside}", err=True)
        if self._file is not None:
            self._file.write(encode_line(reject))


def _exchange(symbols: Path | None, *, bare: bool) -> Exchange:
    from streaming.matching.exchange import Exchange
    from streaming.matching.symbols import SymbolsError, read_symbols

    try:
        return Exchange(bare=bare) if symbols is None else Exchange(listed=read_symbols(symbols))
    except SymbolsError as error:
        _refuse(str(error))


def _moment(text: str) -> int:
    from stack.commands.ladder import TIMES, moment

    try:
        return moment(text)
    except ValueError:
        _refuse(f"--book-at {text}: no such time; needed is {TIMES}")


def _guard(inputs: list[Path | None], outputs: list[Path | None]) -> None:
    """Refuse to write over what is read, or to write two things to one file."""
    taken = [(path, "is read: writing to it would destroy it") for path in inputs if path not in (None, STANDARD)]
    for path in outputs:
        for other, use in taken:
            if path is not None and other is not None and _same(path, other):
                _refuse(f"{path} {use}")
        taken.append((path, "is written to already"))


def _same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.is_file() and one.samefile(other)  # what is no file, as /dev/null, may have several uses
    return one.resolve() == other.resolve()


def _sum_up(counts: Counts, seconds: float) -> None:
    typer.echo(
        f"{counts.commands:,} commands, {counts.events:,} events, {counts.malformed:,} malformed lines "
        f"in {seconds:.1f} s ({counts.commands / max(seconds, 1e-9):,.0f} commands/s)",
        err=True,
    )
    kinds = [f"{kind} {count:,}" for kind, count in counts.kinds.most_common() if kind != "rejected"]
    if counts.reasons:
        reasons = [f"{reason} {count:,}" for reason, count in counts.reasons.most_common(3)]
        others = ["others"] if len(counts.reasons) > len(reasons) else []
        kinds.append(f"rejected {counts.kinds['rejected']:,} ({', '.join(reasons + others)})")
    if kinds:
        typer.echo(f"events: {', '.join(kinds)}", err=True)


def _show(watch: Watch, symbol: str | None, levels: int, *, to_error: bool) -> None:
    from rich.console import Console

    from stack.commands.standing import show

    standing = watch.standing()
    names = list(standing)
    if symbol is not None:
        names = [symbol.upper()]
        if names[0] not in standing:
            known = ", ".join([*list(standing)[:NAMED], *(["…"] if len(standing) > NAMED else [])])
            _refuse(f"--symbol {symbol}: there is no such symbol; there are: {known or 'none'}")
    if not names:
        typer.echo("no book to print: there is no symbol", err=True)
    console = Console(stderr=to_error)
    for name in names:
        show(name, standing[name], watch.time, levels, console)


def _open(stack: ExitStack, path: Path, mode: str) -> BinaryIO:
    if path == STANDARD:
        return sys.stdin.buffer if mode == "rb" else sys.stdout.buffer
    try:
        return stack.enter_context(path.open(mode, buffering=BUFFER))  # type: ignore[return-value]  # a binary mode
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
        while lines := source.readlines(BUFFER):
            yield from lines
            progress.advance(task, sum(map(len, lines)))
