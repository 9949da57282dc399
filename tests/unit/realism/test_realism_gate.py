"""The gate: verdicts, the table, the pictures, the command and the asset."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from simulators.realism import plots, report
from simulators.realism.bounds import COUNTED, FACTS, REQUIRED, Measure
from simulators.realism.market_data import STEPS, Month, SymbolMonth
from simulators.realism.measure import HORIZONS, Measured, TooQuietError, Value, measure
from streaming.contracts.codec import MINUTE

DAYS, MINUTES = 5, 390
SYMBOLS = ("AAA", "BBB", "CCC")
SECTORS = {"AAA": "One", "BBB": "One", "CCC": "Two"}
OPENS = np.arange(1, DAYS + 1) * 10**11


def symbol_month(name: str, seed: int) -> SymbolMonth:
    """A symbol without any fact in it: Gaussian returns, independent signs, equal sizes, a Poisson process."""
    random = np.random.default_rng(seed)
    mid = 1_000_000 * np.exp(np.cumsum(random.normal(scale=1e-4, size=(DAYS, MINUTES * STEPS)), axis=1))
    spread = 100 * (1 + random.integers(0, 3, size=mid.shape))
    count = 2_000
    time = np.sort(random.integers(0, MINUTES * MINUTE, size=(DAYS, count)), axis=1)
    times = (time + OPENS[:, None]).ravel()
    shape = times.size
    return SymbolMonth(
        symbol=name,
        tick=100,
        bid=mid - spread / 2,
        ask=mid + spread / 2,
        volume=random.gamma(2, 100, size=(DAYS, MINUTES)),
        taker_time=times,
        taker_sign=random.choice([-1, 1], size=shape),
        taker_quantity=np.full(shape, 100),
        taker_trader=random.integers(1, 50, size=shape),
        taker_mid=np.full(shape, 1e6),
        taker_mid_after=1e6 * np.exp(random.normal(scale=1e-3, size=shape)),
        arrival_time=times,
        arrival_quantity=np.full(shape, 100),
        depth=np.exp(-np.arange(1000) / 10),
    )


@pytest.fixture(scope="module")
def measured() -> Measured:
    month = Month(
        dates=tuple(dt.date(2026, 11, day) for day in range(16, 21)),
        opens=OPENS,
        minutes=np.full(DAYS, MINUTES),
        symbols=tuple(symbol_month(name, seed) for seed, name in enumerate(SYMBOLS)),
        commands=10,
        events=20,
    )
    return measure(month, SECTORS, expected=np.eye(3) + np.array([[0, 0.3, 0.1], [0.3, 0, 0.2], [0.1, 0.2, 0]]))


def test_a_symbol_that_hardly_trades_is_refused() -> None:
    quiet = replace(symbol_month("CCC", 3), taker_time=np.arange(100))
    dates = tuple(dt.date(2026, 11, day) for day in range(16, 21))
    with pytest.raises(TooQuietError, match="CCC has 100 market orders in 5 days"):
        measure(Month(dates, OPENS, np.full(DAYS, MINUTES), (symbol_month("AAA", 1), quiet), 0, 0), SECTORS)


def perfect(measured: Measured) -> Measured:
    """As if every bounded measure were within its bounds."""
    values = dict(measured.values)
    for fact in FACTS:
        for one in fact.measures:
            if one.bounded:
                value = one.low if one.low is not None else one.high
                assert value is not None
                values[one.key] = Value(value)
    return replace(measured, values=values)


def test_a_market_without_facts_fails_the_gate(measured: Measured) -> None:
    holding = {verdict.fact.number for verdict in measured.verdicts if verdict.holds}
    assert holding <= {1, 6, 10}  # noise has no autocorrelation either, and this spread is the book's own
    assert {1, 10} <= holding
    assert not measured.passed


def test_every_measure_is_there(measured: Measured) -> None:
    assert {one.key for fact in FACTS for one in fact.measures} <= set(measured.values)
    assert set(measured.real) <= {one.key for fact in FACTS for one in fact.measures if one.daily}
    assert not np.isnan(measured.values["correlation.agreement"].value)
    assert [f"kurtosis.{horizon}" in measured.values for horizon in HORIZONS] == [True] * 4


def test_twelve_must_hold_and_leverage_does_not_count(measured: Measured) -> None:
    whole = perfect(measured)
    assert whole.holding == COUNTED == 14
    assert [fact.number for fact in FACTS if not fact.counted] == [6]
    lost = iter(fact for fact in FACTS if fact.counted)
    values = dict(whole.values)
    for holding in (13, 12, 11):
        key = next(one.key for one in next(lost).measures if one.bounded)
        values[key] = Value(float("nan"))
        worse = replace(whole, values=values)
        assert worse.holding == holding
        assert worse.passed is (holding >= REQUIRED)


def test_bounds_include_their_ends_and_never_what_is_unknown() -> None:
    both = Measure("x", "x", low=1, high=2)
    assert [both.holds(value) for value in (0.99, 1, 2, 2.01, float("nan"), float("inf"))] == [
        False, True, True, False, False, False,
    ]  # fmt: skip
    assert not Measure("x", "x", low=1).holds(float("nan"))
    assert not Measure("x", "x").bounded


def test_every_bound_says_who_set_it() -> None:
    keys = [one.key for fact in FACTS for one in fact.measures]
    assert len(set(keys)) == len(keys)
    assert [one.key for fact in FACTS for one in fact.measures if one.bounded and not one.source] == []
    assert [fact.number for fact in FACTS] == list(range(1, len(FACTS) + 1))


def test_the_table_tells_values_bounds_sources_and_verdicts(measured: Measured) -> None:
    console = Console(width=300, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(report.table(measured))
    console.file.close()
    text = console.export_text()
    assert "of 14 facts hold, too few: 12 must." in text
    for words in ("Cont 2001, fact 2: above two, below five", "2 to 5", "reported", "Leverage effect"):
        assert words in text


def test_the_table_tells_in_how_many_symbols_a_measure_is_within_its_bounds(measured: Measured) -> None:
    values = measured.values | {"hill": Value(3.0, (1.5, 3.0, 4.25)), "leverage": Value(0.1, (0.1, 0.1))}
    cells = {measure.key: row[3] for _, measure, row in report.rows(replace(measured, values=values))}
    assert cells["hill"] == "1.50 … 4.25; 2 of 3"
    assert cells["leverage"] == "0.100"
    assert cells["signs.first"] == ""


def test_markdown_marks_what_is_out_of_bounds(measured: Measured) -> None:
    lines = report.markdown(measured).splitlines()
    [hill] = [line for line in lines if "Hill's index of \\|r\\|" in line]
    assert f"**{report.number(measured.values['hill'].value)}**" in hill
    assert hill.replace("\\|", "").count("|") == 9
    assert "enough: 12 must" in report.markdown(perfect(measured))
    assert "**" not in "".join(report.markdown(perfect(measured)).splitlines()[2:])


def test_markdown_takes_its_place_in_a_document(measured: Measured, tmp_path: Path) -> None:
    file = tmp_path / "x.md"
    file.write_text(f"# Before\n\n{report.BEGIN}\nold\n{report.END}\n\nAfter\n", encoding="utf-8")
    for _ in range(2):
        report.write_markdown(measured, file)
        text = file.read_text(encoding="utf-8")
        assert text == f"# Before\n\n{report.BEGIN}\n\n{report.markdown(measured)}\n{report.END}\n\nAfter\n"
    file.write_text("no place", encoding="utf-8")
    report.write_markdown(measured, file)
    assert file.read_text(encoding="utf-8") == report.markdown(measured)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.12345, "0.123"),
        (12.345, "12.35"),
        (12345.0, "12,345"),
        (1e-9, "1e-09"),
        (np.nan, "–"),
        (np.inf, "∞"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert report.number(value) == text


def test_the_pictures_are_small_png_files(measured: Measured, tmp_path: Path) -> None:
    written = plots.write(measured, tmp_path / "new")
    assert [path.stem for path in written] == list(plots.PICTURES)
    for path in written:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size < 60_000


def run(monkeypatch: pytest.MonkeyPatch, measured: Measured, folder: Path, *options: str) -> tuple[int, str]:
    from simulators.realism import command
    from simulators.runs import DayFiles
    from stack.cli import app

    monkeypatch.setattr(command, "measure_days", lambda days, progress=None: measured)
    DayFiles(folder, dt.date(2026, 11, 20)).state.write_text("{}")
    answer = CliRunner().invoke(app, ["realism", "--run", str(folder), *options], env={"COLUMNS": "200"})
    return answer.exit_code, answer.output


def test_the_command_fails_where_too_few_facts_hold(
    monkeypatch: pytest.MonkeyPatch, measured: Measured, tmp_path: Path
) -> None:
    monkeypatch.setattr(plots, "PICTURES", {"signs": plots.PICTURES["signs"]})
    assert run(monkeypatch, perfect(measured), tmp_path)[0] == 0
    code, output = run(
        monkeypatch, measured, tmp_path, "--markdown", str(tmp_path / "x.md"), "--plots", str(tmp_path / "p")
    )
    assert code == 1
    assert "of 14 facts hold" in output
    assert (tmp_path / "x.md").read_text(encoding="utf-8") == report.markdown(measured)
    assert (tmp_path / "p" / "signs.png").exists()


def test_without_a_folder_the_default_month_is_made_and_measured(
    monkeypatch: pytest.MonkeyPatch, measured: Measured, tmp_path: Path
) -> None:
    from simulators.realism import command
    from simulators.runs import DayFiles, Run
    from stack.cli import app

    made: list[Run] = []

    def generate(_home: Path, run: Run, progress: object) -> Path:
        made.append(run)
        DayFiles(tmp_path, run.end).state.write_text("{}")
        return tmp_path

    monkeypatch.setattr(command, "generate", generate)
    monkeypatch.setattr(command, "measure_days", lambda days, progress=None: measured)
    answer = CliRunner().invoke(app, ["realism", "--seed", "8", "--end", "2026-11-20"])
    assert answer.exit_code == 1
    assert [(run.seed, run.days, run.end) for run in made] == [(8, 21, dt.date(2026, 11, 20))]


def test_the_command_refuses_what_holds_no_run(tmp_path: Path) -> None:
    from stack.cli import app

    assert CliRunner().invoke(app, ["realism", "--run", str(tmp_path)]).exit_code == 2
    assert CliRunner().invoke(app, ["realism", "--end", "2026-11-22"]).exit_code == 2  # a Sunday


def test_the_asset_shows_the_facts_and_its_check_fails_with_them(
    monkeypatch: pytest.MonkeyPatch, measured: Measured, tmp_path: Path
) -> None:
    from dagster import AssetKey, DagsterInstance, materialize

    from orchestration.defs.simulators import gate as asset
    from simulators.realism import command
    from simulators.runs import DayFiles
    from streaming.contracts.settings import Settings

    folder = tmp_path / "history" / "some-run"
    folder.mkdir(parents=True)
    DayFiles(folder, dt.date(2026, 11, 20)).state.write_text("{}")
    monkeypatch.setattr(plots, "PICTURES", {"tails": plots.PICTURES["tails"]})
    monkeypatch.setattr(asset, "settings", lambda: Settings(home=tmp_path))
    with DagsterInstance.ephemeral() as instance:
        for found in (measured, perfect(measured)):
            monkeypatch.setattr(command, "measure_days", lambda days, progress=None, found=found: found)
            result = materialize([asset.realism], instance=instance)
            assert result.success
            [check] = result.get_asset_check_evaluations()
            assert check.passed is found.passed
            [made] = result.asset_materializations_for_node("simulators__realism")
            assert made.asset_key == AssetKey(["simulators", "realism"])
            assert made.metadata["facts_that_hold"].value == found.holding
            assert str(made.metadata["tails"].value).startswith("![tails](data:image/png;base64,iVBOR")
            assert made.metadata["run"].value == "some-run"
