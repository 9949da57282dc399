"""Our book against the order books of PyPI: one stream of orders for all, in one run.

`python benchmarks/book.py` gives each book the same limit orders, cancels and market orders, five times in turn and
each time in a process of its own, and prints how many a second it took, of processor time and by the clock; whether it
made the same trades as ours; and the memory of an order that rests. The others live in an environment of their own in
the user's cache, which is made where it is missing. `--markdown docs/benchmarks.md` writes the table there.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import pickle
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from peers.bare import Book
from peers.candidates import CANDIDATES, Candidate
from peers.stream import ADD, CANCEL, MARKET, Event, Fill, flow
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stack.setup.cache import short_hash, writing
from streaming.contracts.settings import settings

BENCHMARKS = Path(__file__).resolve().parent
ROOT = BENCHMARKS.parent
REQUIREMENTS = ROOT / "requirements" / "benchmarks.txt"
PEERS_PYTHON = (3, 12)
"""matching-engine wants it; the project itself is content with 3.11."""
TIMEOUT = 900
BEGIN, END = "<!-- benchmarks/book.py writes from here -->", "<!-- to here -->"
console = Console(width=None if sys.stdout.isatty() else 150)


@dataclass
class Result:
    """What was found out about a book. `failure` says why it is missing."""

    candidate: Candidate
    version: str = ""
    python: str = ""
    compiled: bool = False
    events: int = 0
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    fills: list[Fill] | None = None
    verdict: str = ""
    bytes: float | None = None
    failure: str | None = None


@dataclass
class Harness:
    """Starts the processes that measure."""

    interpreters: dict[str, Path]
    stream: Path
    scratch: Path

    def measure(self, what: str, candidate: Candidate, count: int) -> dict[str, Any]:
        """Run `peers.child`; RuntimeError with the last line it wrote where it fails."""
        result = self.scratch / "result.json"
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_"))}
        environment["PYTHONPATH"] = f"{BENCHMARKS}{os.pathsep}{ROOT}"
        environment["PYTHONHASHSEED"] = "0"
        environment["TICKHOUSE_INTERPRETED"] = "1" if candidate.interpreted else ""
        python = self.interpreters[candidate.python]
        command: list[str | Path] = [python, "-m", "peers.child", what, candidate.module, candidate.peer]
        command += [str(count), self.stream, result]
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"took longer than {TIMEOUT} s") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise RuntimeError(lines[-1])
        found: dict[str, Any] = json.loads(result.read_text())
        return found


def base_python() -> Path | None:
    """A Python 3.12: ours, or one that is installed. Each is tried, for a name may be there and not work."""
    name = "python{}.{}".format(*PEERS_PYTHON)
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    candidates: list[str | Path | None] = [Path(sys.base_prefix, "bin", name), shutil.which(name)]
    candidates += sorted(pyenv.glob(f"versions/{name.removeprefix('python')}.*/bin/python"), reverse=True)
    for candidate in candidates:
        if candidate is None or not Path(candidate).exists():
            continue
        probe = "import sys, venv; print(*sys.version_info[:2])"
        tried = subprocess.run([candidate, "-c", probe], capture_output=True, text=True, check=False)
        if tried.stdout.split() == [str(number) for number in PEERS_PYTHON]:
            return Path(candidate)
    return None


def environment() -> Path:
    """The interpreter of the environment with the other books; made where it is missing."""
    base = base_python()
    if base is None:
        base = Path(sys.executable)
        console.print("No Python 3.12 was found, so the other books run on ours, and matching-engine cannot.")
    version = subprocess.run([base, "--version"], capture_output=True, text=True, check=True).stdout
    folder = settings().cache / "envs" / f"benchmarks-{short_hash(REQUIREMENTS.read_bytes(), version.encode())}"
    python = folder / "bin" / "python"
    with writing(settings(), lambda: console.print("Waiting for another set-up that writes to the cache")):
        if not (folder / ".complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            show([Path(sys.prefix, "bin", "uv"), "venv", "--python", base, folder])
            install: list[str | Path] = ["pip", "sync", "--require-hashes", "--python", python, REQUIREMENTS]
            show([Path(sys.prefix, "bin", "uv"), *install])
            (folder / ".complete").touch()
    return python


def show(command: list[str | Path]) -> None:
    """Run a command that its user should see."""
    console.print("$ " + escape(" ".join(map(str, command))), soft_wrap=True)
    console.file.flush()
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(command, env=environ, check=True)


def versions(python: Path) -> dict[str, str]:
    """What is installed in an environment."""
    folders = [str(path) for path in python.parent.parent.glob("lib/python3.*/site-packages")]
    return {found.metadata["Name"].lower(): found.version for found in distributions(path=folders)}


def run(harness: Harness, candidates: Iterable[Candidate], events: int, rounds: int, resting: int) -> list[Result]:
    """Trades first, which also tells whether a book works at all; then the rounds, the books taking turns."""
    installed = versions(harness.interpreters["peers"])
    results: list[Result] = []
    for candidate in candidates:
        version = installed.get(candidate.package, "") if candidate.package else ""
        result = Result(candidate, version, events=min(events, candidate.events or events))
        with noting(result, "its trades"):
            found = harness.measure("fills", candidate, result.events)
            result.python, result.compiled = found["python"], found["compiled"]
            result.fills = [(price, quantity) for price, quantity in found["fills"]]
        if candidate.python == "ours" and not candidate.interpreted and not result.compiled:
            console.print(f"{candidate.name} is not compiled, and far slower so: `tickhouse setup` compiles it.")
        if not any(same(result, other) for other in results):
            results.append(result)
    for number in range(1, rounds + 1):
        for result in results:
            if result.failure is None:
                with noting(result, f"round {number} of {rounds}"):
                    found = harness.measure("timed", result.candidate, result.events)
                    if found["compiled"] != result.compiled:
                        raise RuntimeError("its source was changed or compiled during the run")
                    result.cpu.append(result.events / found["cpu"])
                    result.wall.append(result.events / found["wall"])
    for result in results:
        if result.failure is None:
            with noting(result, "memory"):
                count = min(resting, result.candidate.resting or resting)
                result.bytes = harness.measure("memory", result.candidate, count)["bytes"]
    return results


def same(one: Result, other: Result) -> bool:
    """Whether both are one code on one interpreter: where ours is not compiled, or runs on the others' Python."""

    def what(result: Result) -> tuple[object, ...]:
        candidate = result.candidate
        return candidate.module, candidate.peer, result.python, result.compiled, result.failure

    return what(one) == what(other)


@contextmanager
def noting(result: Result, what: str) -> Iterator[None]:
    """Tell what is done, and note a failure instead of raising it: the other books still count."""
    console.print(f"[dim]{what}: {escape(result.candidate.name)}[/dim]")
    try:
        yield
    except RuntimeError as error:
        result.failure = str(error)
        console.print(f"  failed: {escape(str(error))}")


def compare(harness: Harness, results: list[Result]) -> None:
    """Say of each book whether its trades are those of the first, which is ours unless it failed: one by one."""
    judge = next((result for result in results if result.fills is not None), None)
    if judge is None:
        return
    known = {judge.events: judge.fills or []}
    for result in results:
        if result.fills is None or result is judge:
            continue
        if result.events not in known:
            found = harness.measure("fills", judge.candidate, result.events)
            known[result.events] = [(price, quantity) for price, quantity in found["fills"]]
        result.verdict = verdict(result.fills, known[result.events], judge.candidate.name)


def verdict(fills: list[Fill], expected: list[Fill], whose: str) -> str:
    """`equal`, or in a sentence how it is not."""
    if fills == expected:
        return "equal"
    place = next(
        (place for place, (one, other) in enumerate(zip(fills, expected, strict=False)) if one != other),
        min(len(fills), len(expected)),
    )
    return (
        f"different: {len(fills):,} trades of {shares(fills):,} shares, where {whose} has {len(expected):,} of "
        f"{shares(expected):,}; trade {place + 1:,} is the first that differs"
    )


def shares(fills: list[Fill]) -> int:
    """What was traded in all."""
    return sum(quantity for _, quantity in fills)


@dataclass(frozen=True)
class Report:
    """What is printed, in columns and as sentences."""

    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: list[str]
    how: list[str]


def report(results: list[Result], baseline: Result, how: list[str]) -> Report:
    """The table's cells and what is said below it."""
    head = (
        "book",
        "written in",
        "Python",
        "1,000 events/s of processor time",
        "1,000 events/s by the clock",
        f"× {baseline.candidate.name}",
        "trades",
        "bytes an order",
    )
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    for result in results:
        candidate = result.candidate
        language = f"{candidate.language} (mypyc)" if result.compiled else candidate.language
        named = (f"{candidate.name} {result.version}".strip(), language, result.python)
        if result.failure is not None:
            rows.append((*named, "failed", "", "", "", ""))
            notes.append(f"**{candidate.name}** failed: {result.failure}. {candidate.notes}".strip())
            continue
        ratio = statistics.median(one / other for one, other in zip(result.cpu, baseline.cpu, strict=True))
        cells = (spread(result.cpu), spread(result.wall), f"{ratio:.2f}")
        trades = result.verdict.partition(":")[0] or f"{len(result.fills or []):,}"
        rows.append((*named, *cells, trades, f"{result.bytes:,.0f}"))
        sentences = [f"**{candidate.name}**", candidate.answers, candidate.notes]
        if result.events != baseline.events:
            sentences.append(f"It was given the first {result.events:,} events{resting_of(candidate)}.")
        if ":" in result.verdict:
            sentences.append(f"Its trades are {result.verdict}.")
        notes.append(" ".join(filter(None, sentences)))
    return Report(head, rows, notes, how)


def resting_of(candidate: Candidate) -> str:
    """How many orders it was given to keep, where they are fewer than the others'."""
    return "" if candidate.resting is None else f", and at most {candidate.resting:,} orders to keep"


def spread(rates: list[float]) -> str:
    """Median, least and most, in thousands."""
    middle, least, most = (
        f"{rate / 1_000:,.0f}" if rate > 100_000 else f"{rate / 1_000:.1f}"
        for rate in (statistics.median(rates), min(rates), max(rates))
    )
    return f"{middle} ({least}–{most})"


def method(stream: list[Event], seed: int, rounds: int, resting: int) -> list[str]:
    """What was done, in sentences; the stream is described by what the bare book makes of it."""
    book, hits, trades = Book(), 0, 0
    kinds = Counter(event.kind for event in stream)
    for event in stream:
        if event.kind == CANCEL:
            hits += book.cancel(event.order_id)
        else:
            trades += len(book.add(event.order_id, event.buy, event.price or None, event.quantity))
    return [
        f"Measured on {dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores ({processor()}, {platform.system()}).",
        f"The stream: {len(stream):,} events, seed {seed}: {kinds[ADD]:,} limit orders, {kinds[CANCEL]:,} cancels (of "
        f"which {hits / max(1, kinds[CANCEL]):.0%} find their order still there) and {kinds[MARKET]:,} market orders. "
        f"They make {trades:,} trades and leave {len(book.orders):,} orders on "
        f"{len(book.levels[0]) + len(book.levels[1]):,} prices.",
        f"Rates are the median (and least to most) of {rounds} runs, the books taking turns, each run in a process of "
        "its own, after a warm-up. The ratio is the median of the runs' ratios of processor time. Orders are made "
        "before the clock starts: what is timed is a loop over the book's own functions, and what they return is "
        "dropped.",
        "Garbage collection is on for all, with Python's own thresholds; what exists before the clock starts is "
        "frozen (`gc.freeze`).",
        "Trades are compared one by one, price and quantity, in a run that is not timed.",
        f"Memory is the growth of the process for each of {resting:,} limit orders that rest on 2,000 prices, with "
        "what the caller has to keep to be able to cancel them.",
    ]


def processor() -> str:
    """The processor's name."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def on_terminal(found: Report) -> None:
    """A table, and below it the sentences."""
    table = Table(*found.head, title="The book")
    for number in range(3, len(found.head)):
        table.columns[number].justify = "right"
    for row in found.rows:
        table.add_row(*map(escape, row))
    console.print(table)
    for sentence in (*found.how, *found.notes):
        console.print("- " + escape(sentence.replace("**", "").replace("`", "")))


def as_markdown(found: Report) -> str:
    """The same for a document."""
    lines = ["| " + " | ".join(found.head) + " |", "|---|---|---|" + "--:|" * (len(found.head) - 3)]
    lines += ["| " + " | ".join(row) + " |" for row in found.rows]
    return "\n".join([*found.how, "", *lines, "", *(f"- {note}" for note in found.notes)])


def write(path: Path, text: str) -> None:
    """Put the text between the file's two marks, or make a file of it that has them."""
    old = path.read_text() if path.exists() else f"{BEGIN}\n{END}\n"
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} has no lines {BEGIN!r} and {END!r}")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--resting", type=int, default=200_000, help="orders on the book whose memory is measured")
    parser.add_argument("--baseline", default="matching-engine", help="the book that the others are divided by")
    parser.add_argument("--only", nargs="+", metavar="BOOK", help="these books only, and the baseline")
    parser.add_argument("--markdown", type=Path, metavar="PATH", help="write the table between the marks of this file")
    options = parser.parse_args()
    names = [candidate.name for candidate in CANDIDATES]
    for name in (options.baseline, *(options.only or ())):
        if name not in names:
            parser.error(f"no such book: {name}; there are {', '.join(names)}")
    wanted = [
        candidate for candidate in CANDIDATES if not options.only or candidate.name in (options.baseline, *options.only)
    ]
    python = environment()
    stream = list(flow(options.events, options.seed))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream.pickle"
        path.write_bytes(pickle.dumps([tuple(event) for event in stream]))
        harness = Harness({"ours": Path(sys.executable), "peers": python}, path, Path(folder))
        results = run(harness, wanted, options.events, options.rounds, options.resting)
        compare(harness, results)
    baseline = next(result for result in results if result.candidate.name == options.baseline)
    if baseline.failure is not None:
        working = [result for result in results if result.failure is None]
        if not working:
            raise SystemExit("None of the books works")
        baseline = next((result for result in working if result.candidate.python == "peers"), working[0])
        console.print(f"{options.baseline} failed, so the others are divided by {baseline.candidate.name}.")
    found = report(results, baseline, method(stream, options.seed, options.rounds, options.resting))
    on_terminal(found)
    if options.markdown:
        write(options.markdown, as_markdown(found))


if __name__ == "__main__":
    main()
