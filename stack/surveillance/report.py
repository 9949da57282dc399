"""The scores in words, tables and a picture: the generated part of docs/surveillance.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import stats

from stack.surveillance.markets import DAYS, EVERY, Watched
from stack.surveillance.scores import KINDS, Judged, Score
from streaming.contracts.reference import instruments

BEGIN, END = "<!-- begin: surveillance scores -->", "<!-- end -->"
PICTURE = "surveillance-curves.png"
TARGET = 0.9
"""Of the precision, and of the recall on the upper half of intensities."""
PER = 20
"""Symbol-days in which a clean market may have less than one false alert."""

Groups = Mapping[str, Sequence[Watched]]
"""Markets by the name of their group: a scenario, or `clean…`."""


def write(page: Path, groups: Groups, judged: Mapping[str, Judged], left: int) -> None:
    """Put the tables between the page's markers, and the curves beside its other images; `left` markets are to come."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no place for the scores: {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n\n{markdown(groups, judged, left)}\n{END}{after}", encoding="utf-8")
    draw(judged["calm"], page.parent / "images" / PICTURE)


def markdown(groups: Groups, judged: Mapping[str, Judged], left: int) -> str:
    """All tables; of what is there, where some of the markets are still to come."""
    calm = judged["calm"]
    scenarios = [name for name in judged if name != "calm" and not name.startswith("clean")]
    lines = [
        f"A market is a seed of the default population: {DAYS} days, {len(instruments()[::EVERY])} of the symbols. "
        f"Scored are {len(groups['calm'])} of them that no rule was written or tuned on (seeds "
        f"{_seeds(groups['calm'])}): {calm.symbol_days} symbol-days, "
        f"{sum(market.orders for market in groups['calm']):,} commands, "
        f"{sum(market.trades for market in groups['calm']):,} trades. In brackets: 95 % confidence (Wilson 1927).",
        "",
        *([f"**Not complete: {left} markets are still to come; `make scores` goes on.**", ""] if left else []),
        *targets(judged),
        "",
        "| kind | episodes | found | blatant | of these found | alerts | right | misnamed | precision | median delay |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(_row(calm.scores[kind]) for kind in KINDS),
        _row(calm.total, "**all**"),
        "",
        f"![Precision against recall by kind](images/{PICTURE})",
        "",
        "Each curve begins (the dot) at the rule as it is; along it the bound that the alerts carry rises. Recall is "
        "of all intensities here.",
        "",
        f"The rules about prices said, besides: {_prices(groups['calm'])}.",
    ]
    if scenarios:
        lines += [
            "",
            "By scenario, all kinds together:",
            "",
            "| scenario | seeds | symbol-days | episodes | recall | blatant | recall of these | alerts | precision |",
            "|---|---|--:|--:|--:|--:|--:|--:|--:|",
            *(_scenario(name, groups[name], judged[name]) for name in ("calm", *scenarios)),
        ]
        lines += [
            "",
            "By kind and scenario, found of the episodes, right of the alerts, median delay:",
            "",
            f"| kind | {' | '.join(scenarios)} |",
            f"|---|{'---|' * len(scenarios)}",
            *(f"| `{kind}` | {' | '.join(_cell(judged[name].scores[kind]) for name in scenarios)} |" for kind in KINDS),
        ]
    return "\n".join([*lines, ""])


def targets(judged: Mapping[str, Judged]) -> list[str]:
    """Each target with what was measured."""
    total = judged["calm"].total
    faint, faint_found = total.episodes - total.blatant_episodes, total.found - total.blatant_found
    lines = [
        "| target | measured | met |",
        "|---|---|---|",
        f"| recall at least {TARGET} on the upper half of intensities | "
        f"{share(total.blatant_found, total.blatant_episodes)} | {_met(total.blatant_found, total.blatant_episodes)} |",
        f"| recall on the lower half: reported | {share(faint_found, faint)} | |",
        f"| precision at least {TARGET} | {share(total.true_alerts, total.alerts)} | "
        f"{_met(total.true_alerts, total.alerts)} |",
    ]
    for name, clean in judged.items():
        if name.startswith("clean"):
            false = clean.total.alerts
            met = "yes" if false * PER < clean.symbol_days else "**no**"
            lines.append(
                f"| fewer than one false alert in {PER} symbol-days, {name} | {false} in {clean.symbol_days}: "
                f"{false * PER / clean.symbol_days:.2f} in {PER} | {met} |"
            )
    return lines


def share(count: int, total: int) -> str:
    """A proportion with its 95 % interval (Wilson's)."""
    if not total:
        return "–"
    interval = stats.binomtest(count, total).proportion_ci(method="wilson")
    return f"{count / total:.3f} ({interval.low:.2f} to {interval.high:.2f}), {count} of {total}"


def _met(count: int, total: int) -> str:
    return "yes" if total and count >= TARGET * total else "**no**"


def _row(score: Score, name: str = "") -> str:
    cells = [
        name or f"`{score.kind}`",
        *map(str, (score.episodes, score.found, score.blatant_episodes, score.blatant_found)),
        *map(str, (score.alerts, score.true_alerts, score.misnamed_alerts)),
        _share(score.true_alerts, score.alerts),
        _delay(score.median_delay_seconds),
    ]
    return f"| {' | '.join(cells)} |"


def _scenario(name: str, markets: Sequence[Watched], judged: Judged) -> str:
    total = judged.total
    cells = [
        f"`{name}`",
        _seeds(markets),
        *map(str, (judged.symbol_days, total.episodes)),
        _share(total.found, total.episodes),
        str(total.blatant_episodes),
        _share(total.blatant_found, total.blatant_episodes),
        str(total.alerts),
        _share(total.true_alerts, total.alerts),
    ]
    return f"| {' | '.join(cells)} |"


def _cell(score: Score) -> str:
    return (
        f"{score.found} of {score.episodes}, {score.true_alerts} of {score.alerts}, "
        f"{_delay(score.median_delay_seconds)}"
    )


def _share(count: int, total: int) -> str:
    return f"{count / total:.2f}" if total else "–"


def _delay(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _prices(markets: Sequence[Watched]) -> str:
    counts = Counter(alert.rule for market in markets for alert in market.alerts if not alert.trader_ids)
    return ", ".join(f"`{rule}` {count}" for rule, count in sorted(counts.items())) or "nothing"


def _seeds(markets: Sequence[Watched]) -> str:
    seeds = sorted(market.market.seed for market in markets)
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])


def draw(judged: Judged, file: Path) -> None:
    """Precision against recall, a line a kind."""
    figure = Figure(figsize=(6.4, 4.2), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.axhline(TARGET, color="#8a8a8a", lw=1, ls="--")
    for kind in KINDS:
        curve = judged.curves[kind]
        (line,) = axes.plot(curve.recall, curve.precision, lw=1.5, label=kind.replace("_", " "))
        axes.plot(curve.recall[:1], curve.precision[:1], marker="o", ms=5, color=line.get_color())
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="recall, all intensities", ylabel="precision")
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, format="png", metadata={"Software": None})
