"""The facts as a table: on the terminal, and in Markdown."""

from __future__ import annotations

import math
from pathlib import Path

from rich.table import Table

from simulators.realism.bounds import COUNTED, REQUIRED, Measure
from simulators.realism.measure import Measured, Value, Verdict

HEADINGS = ("Fact", "Measure", "Value", "Symbols", "Bounds", "Real, daily", "Holds")
BEGIN, END = "<!-- begin: tickhouse realism -->", "<!-- end -->"
COLOURED = {"yes": "[green]yes[/]", "no": "[red]no[/]", "reported": "[dim]reported[/]"}


def number(value: float) -> str:
    """Short, with about three digits that count."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    if abs(value) < 0.001:
        return f"{value:.0e}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"


def bounds(measure: Measure) -> str:
    """The interval in words."""
    if measure.low is not None and measure.high is not None:
        return f"{measure.low:g} to {measure.high:g}"
    if measure.low is not None:
        return f"≥ {measure.low:g}"
    return f"≤ {measure.high:g}" if measure.high is not None else ""


def _symbols(measure: Measure, value: Value) -> str:
    if not value.symbols:
        return ""
    least, greatest = min(value.symbols), max(value.symbols)
    extent = number(least) if least == greatest else f"{number(least)} … {number(greatest)}"
    if not measure.bounded:
        return extent
    return f"{extent}; {sum(map(measure.holds, value.symbols))} of {len(value.symbols)}"


def _verdict(verdict: Verdict) -> str:
    if not any(measure.bounded for measure in verdict.fact.measures):
        return "reported"
    return "yes" if verdict.holds else "no"


def rows(measured: Measured) -> list[tuple[Verdict, Measure, tuple[str, ...]]]:
    """A row a measure; a fact's title and verdict stand in its first."""
    found = []
    for verdict in measured.verdicts:
        for place, measure in enumerate(verdict.fact.measures):
            value = measured.values[measure.key]
            real = measured.real.get(measure.key, {})
            cells: tuple[str, ...] = (
                f"{verdict.fact.number}. {verdict.fact.title}" if place == 0 else "",
                measure.label,
                number(value.value),
                _symbols(measure, value),
                bounds(measure),
                ", ".join(number(one) for one in real.values()),
                _verdict(verdict) if place == 0 else "",
            )
            found.append((verdict, measure, cells))
    return found


def summary(measured: Measured) -> str:
    """The verdict in one sentence."""
    word = "enough" if measured.passed else "too few"
    return f"{measured.holding} of {COUNTED} facts hold, {word}: {REQUIRED} must."


def table(measured: Measured) -> Table:
    """For the terminal: what is out of its bounds is red."""
    shown = Table(title=title(measured), caption=summary(measured), caption_style="bold")
    for place, heading in enumerate((*HEADINGS, "Source")):
        shown.add_column(heading, justify="right" if place == 2 else "left", overflow="fold")
    for verdict, measure, cells in rows(measured):
        if cells[0]:
            shown.add_section()
        colour = "red" if measure.key in verdict.out else "green" if measure.bounded else "dim"
        *texts, word = cells
        texts[2] = f"[{colour}]{texts[2]}[/]"
        shown.add_row(*texts, COLOURED.get(word, word), f"[dim]{measure.source}[/]")
    return shown


def markdown(measured: Measured) -> str:
    """The same as a Markdown table; a value out of its bounds is bold."""
    lines = [
        f"**{title(measured)}.** {summary(measured)}",
        "",
        f"| {' | '.join((*HEADINGS, 'Source of the bound'))} |",
        f"|{'---|' * (len(HEADINGS) + 1)}",
    ]
    for verdict, measure, cells in rows(measured):
        out = measure.key in verdict.out
        texts = [*cells[:2], f"**{cells[2]}**" if out else cells[2], *cells[3:], measure.source]
        lines.append(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |")
    names = ", ".join(next(iter(measured.real.values()))) if measured.real else "none"
    return "\n".join([*lines, "", f"Real daily series, in order: {names}.", ""])


def write_markdown(measured: Measured, file: Path) -> None:
    """Write the table to a file; where the file has a place for it, between `BEGIN` and `END`, only there."""
    text = markdown(measured)
    if file.exists():
        before, begin, rest = file.read_text(encoding="utf-8").partition(BEGIN)
        _, end, after = rest.partition(END)
        if begin and end:
            text = f"{before}{BEGIN}\n\n{text}\n{END}{after}"
    file.write_text(text, encoding="utf-8")


def title(measured: Measured) -> str:
    """What was measured."""
    return (
        f"{measured.days} trading days, {measured.first} to {measured.last}, {len(measured.symbols)} symbols, "
        f"{measured.commands:,} commands, {measured.events:,} events"
    )
