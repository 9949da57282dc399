"""Spark SQL for a person: statements one after the other, progress on long ones, a prompt, errors in a sentence."""

from __future__ import annotations

import logging
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunningError
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console

from stack.statements import split

if TYPE_CHECKING:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

PROMPT, CONTINUED = "spark-sql> ", "        -> "
LEAVE = ("exit", "quit")
MOST_ROWS = 1_000
"""Rows that a table on the screen shows; CSV and JSON have all."""
HISTORY_LINES = 1_000


class Answer(NamedTuple):
    """The rows of a statement; `more` where they were cut off at `MOST_ROWS`. Without columns it had nothing to say."""

    columns: list[str]
    rows: Sequence[Sequence[Any]]
    more: bool


class CancelledError(RuntimeError):
    """The statement was cancelled by Ctrl-C."""


def one_voice() -> None:
    """Keep pyspark from writing an error of a statement to standard error by itself, with Java's stack."""
    from pyspark.logger import PySparkLogger

    PySparkLogger.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)


def ask(session: SparkSession, statement: str, *, all_rows: bool) -> Answer:
    """Carry out one statement, with its progress on standard error where that is a terminal.

    Ctrl-C cancels it: CancelledError. PySparkException as Spark raises it.
    """
    with ThreadPoolExecutor(1) as pool, _interruptible() as interrupted:
        # In a thread of its own: py4j's connection is a thread's, and the one here asks how far it is, and cancels.
        running = pool.submit(_rows, session, statement, all_rows)
        with Console(stderr=True).status("Spark …") as status:
            began = time.monotonic()
            while not _ended(running):
                if interrupted.is_set():
                    session.sparkContext.cancelAllJobs()
                status.update(f"Spark: {_progress(session)}{time.monotonic() - began:.0f} s")
        if interrupted.is_set() and running.exception() is not None:
            raise CancelledError("cancelled")
        return running.result()


def _rows(session: SparkSession, statement: str, all_rows: bool) -> Answer:
    frame = session.sql(statement)
    if all_rows or not frame.columns:
        return Answer(frame.columns, [tuple(row) for row in frame.collect()], more=False)
    rows = [tuple(row) for row in frame.take(MOST_ROWS + 1)]
    return Answer(frame.columns, rows[:MOST_ROWS], more=len(rows) > MOST_ROWS)


def _ended(running: Future[Answer]) -> bool:
    with suppress(StillRunningError):
        running.exception(timeout=0.25)
    return running.done()


def _progress(session: SparkSession) -> str:
    """`12 of 40 tasks, ` of the stages at work; empty while none is."""
    tracker = session.sparkContext.statusTracker()
    stages = [stage for number in tracker.getActiveStageIds() if (stage := tracker.getStageInfo(number))]
    done, of = sum(stage.numCompletedTasks for stage in stages), sum(stage.numTasks for stage in stages)
    return f"{done} of {of} tasks, " if of else ""


@contextmanager
def _interruptible() -> Iterator[Event]:
    """Ctrl-C sets the event: an exception in the middle of a call to the JVM would spoil the connection."""
    interrupted = Event()
    before = signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def converse(read: Callable[[str], str], answer: Callable[[str], None], say: Callable[[str], None]) -> None:
    """Read lines until the end (Ctrl-D, `exit` or `quit`), and answer each statement that a semicolon ends.

    `read` is given the prompt; KeyboardInterrupt from it (Ctrl-C) drops what was typed, EOFError ends.
    """
    pending = ""
    while True:
        try:
            line = read(CONTINUED if pending else PROMPT)
        except KeyboardInterrupt:
            pending = ""
            say("")
            continue
        except EOFError:
            say("")
            return
        if not pending and line.strip().rstrip(";").lower() in LEAVE:
            return
        found, pending = split(f"{pending}{line}\n")
        for statement in found:
            answer(statement.text)


@contextmanager
def remembered(file: Path) -> Iterator[None]:
    """Lines can be edited and called back, those of earlier sessions too; not where Python has no readline."""
    try:
        import readline
    except ImportError:
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # pyspark's speaks to the JVM
    with suppress(OSError):
        readline.read_history_file(file)
    readline.set_history_length(HISTORY_LINES)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        with suppress(OSError):
            readline.write_history_file(file)


def sentence(error: PySparkException) -> str:
    """What Spark complains of, in one line: its first sentence, without its codes; a missing name with what is near."""
    # An error that Spark does not know by name has neither condition nor parameters.
    known = (error.getMessageParameters() or {}) if error.getCondition() else {}
    condition = error.getCondition() or ""
    if condition == "TABLE_OR_VIEW_NOT_FOUND":
        name = known.get("relationName", "").replace("`", "")
        return f"There is no table {name}: `SHOW TABLES` lists what there is"
    if condition.startswith("UNRESOLVED_COLUMN") and "objectName" in known:
        near = known.get("proposal", "").replace("`", "")
        return f"There is no column {known['objectName'].replace('`', '')}" + (f": there are {near}, …" if near else "")
    message = error.getMessage() or str(error)
    place = re.search(r"\(line \d+, pos \d+\)", message)
    first = re.sub(r"^\[[\w.]+\]\s*", "", message).strip()
    first = re.split(r"\.\s|\n|\s*SQLSTATE: ", first, maxsplit=1)[0].rstrip(".")
    return f"{first} {place[0]}" if place and place[0] not in first else first
