"""`tickhouse sql` and its siblings: exact output, and one line instead of a traceback."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from stack.cli import app
from stack.commands.lake import script_of, show, statement_of
from stack.settings import stack_settings

ROWS = [("ACME", Decimal("100.0500"), None, datetime(2026, 1, 5, tzinfo=UTC)), ("BLUE", Decimal("42.7500"), 3, None)]
COLUMNS = ["symbol", "price", "quantity", "event_time"]


@pytest.fixture
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    monkeypatch.setenv("TICKHOUSE_HOME", str(tmp_path))
    monkeypatch.setenv("TICKHOUSE_PORT_OFFSET", "40000")
    stack_settings.cache_clear()
    yield CliRunner()
    stack_settings.cache_clear()


def test_csv_is_exact(capsys: pytest.CaptureFixture[str]) -> None:
    show(COLUMNS, ROWS, as_csv=True, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "symbol,price,quantity,event_time",
        "ACME,100.0500,,2026-01-05 00:00:00+00:00",
        "BLUE,42.7500,3,",
    ]


def test_json_keeps_decimals_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    show(COLUMNS, ROWS[:1], as_csv=False, as_json=True)
    expected = '{"symbol": "ACME", "price": "100.0500", "quantity": null, "event_time": "2026-01-05 00:00:00+00:00"}\n'
    assert capsys.readouterr().out == expected


def test_a_table_counts_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    show(COLUMNS, ROWS, as_csv=False, as_json=False)
    out = capsys.readouterr().out
    assert "100.0500" in out
    assert out.endswith("2 rows\n")


def test_a_statement_comes_from_the_line_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "query.sql"
    file.write_text("SELECT 1;\n")
    assert statement_of(" SELECT 1; ", None) == statement_of(None, file) == "SELECT 1"


@pytest.mark.parametrize(
    ("statement", "file"), [(None, None), ("SELECT 1", Path("x")), (" ; ", None), (None, Path("/no"))]
)
def test_not_exactly_one_statement_is_an_error(statement: str | None, file: Path | None) -> None:
    with pytest.raises(typer.BadParameter):
        statement_of(statement, file)


def test_without_trino_it_says_what_to_do(nothing_runs: CliRunner) -> None:
    result = nothing_runs.invoke(app, ["sql", "SELECT 1"])
    assert result.exit_code == 1
    assert "start it with `tickhouse up trino`" in result.stderr


def test_several_statements_come_from_the_line_a_file_or_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "SELECT 1;\nSELECT 2"
    file = tmp_path / "queries.sql"
    file.write_text(text)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert script_of(text, None) == script_of(None, file) == script_of(None, None)
    assert [statement.text for statement in script_of(text, None)] == ["SELECT 1", "SELECT 2"]


@pytest.mark.parametrize(
    ("statement", "file"), [(" ; -- no", None), (None, Path("/no")), ("SELECT 1", Path("x")), (None, None)]
)
def test_without_a_statement_spark_is_not_asked(
    nothing_runs: CliRunner, statement: str | None, file: Path | None
) -> None:
    arguments = [*([statement] if statement else []), *(["--file", str(file)] if file else [])]
    result = nothing_runs.invoke(app, ["spark-sql", *arguments])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", [["tables"], ["spark-sql", "SELECT 1"]])
def test_without_postgres_it_says_what_to_do(nothing_runs: CliRunner, command: list[str]) -> None:
    result = nothing_runs.invoke(app, command)
    assert result.exit_code == 1
    assert "tickhouse up postgres" in result.stderr


def test_a_wrong_setting_is_named(nothing_runs: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKHOUSE_CHECKPOINT_SECONDS", "0")
    result = nothing_runs.invoke(app, ["tables"])
    assert result.exit_code == 2
    assert "TICKHOUSE_CHECKPOINT_SECONDS is '0'" in result.stderr
