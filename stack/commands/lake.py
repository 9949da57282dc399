"""Look into the lake: SQL by Trino or Spark, the tables' sizes, compaction."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stack.statements import Statement as Sql
from stack.statements import statements

if TYPE_CHECKING:
    from stack.settings import StackSettings

Statement = Annotated[str | None, typer.Argument(metavar="SQL", help="The statement.", show_default=False)]
File = Annotated[Path | None, typer.Option("--file", "-f", help="Read from a file instead.", show_default=False)]
AsCsv = Annotated[bool, typer.Option("--csv", help="Write CSV instead of a table.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON object a row instead of a table.")]
Tables = Annotated[
    list[str] | None, typer.Argument(help="Tables, such as `trades` or `market.trades`; all by default.")
]


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    app.command("sql", rich_help_panel="The lake")(sql)
    app.command("spark-sql", rich_help_panel="The lake")(spark_sql)
    app.command("tables", rich_help_panel="The lake")(tables)
    app.command("compact", rich_help_panel="The lake")(compact)


def sql(statement: Statement = None, file: File = None, as_csv: AsCsv = False, as_json: AsJson = False) -> None:
    """Query the lake by Trino: `tickhouse sql "SELECT * FROM market.trades LIMIT 5"`."""
    with explained() as settings:
        from urllib.parse import urlsplit

        from trino.dbapi import connect

        text = statement_of(statement, file)
        address = urlsplit(settings.trino)
        connection = connect(  # type: ignore[no-untyped-call]
            host=address.hostname, port=address.port, user="tickhouse", catalog="lake", schema="market",
            http_scheme=address.scheme, timezone="UTC", max_attempts=1,
        )  # fmt: skip
        cursor = connection.cursor()
        cursor.execute(text)
        rows = cursor.fetchall()
        show([column[0] for column in cursor.description or ()], rows, as_csv, as_json)


def spark_sql(statement: Statement = None, file: File = None, as_csv: AsCsv = False, as_json: AsJson = False) -> None:
    """Query the lake by Spark, which need not be running: it takes about ten seconds to start.

    Statements end with `;`. They come from the line, from a file or from a pipe; at a terminal, without any, there is a
    prompt: Ctrl-C cancels what is typed or runs, Ctrl-D leaves. A statement that fails ends a file or a pipe.
    """
    with explained() as settings:
        from pyspark.errors import PySparkException
        from rich.console import Console

        from lakehouse.catalog import catalog
        from lakehouse.spark import spark_session
        from stack.spark_shell import CancelledError, ask, converse, one_voice, remembered, sentence

        at_prompt = statement is None and file is None and sys.stdin.isatty()
        script = [] if at_prompt else script_of(statement, file)
        one_voice()
        catalog(settings).close()  # where it does not answer, that is known before Spark has started
        with Console(stderr=True).status("Starting Spark …"):
            session = spark_session(settings, "tickhouse-sql")

        def answer(text: str) -> None:
            columns, rows, more = ask(session, text, all_rows=as_csv or as_json)
            if columns:
                show(columns, rows, as_csv, as_json)
            if more:
                typer.echo(f"These are the first {len(rows):,}: --csv and --json have all", err=True)

        def answer_or_tell(text: str) -> None:
            try:
                answer(text)
            except PySparkException as error:
                typer.echo(sentence(error), err=True)
            except CancelledError:
                typer.echo("Cancelled", err=True)

        try:
            session.sql("USE lake.market")
            if at_prompt:
                with remembered(settings.home / "spark-sql.history"):
                    converse(input, answer_or_tell, typer.echo)
            for number, (text, line) in enumerate(script, 1):
                try:
                    answer(text)
                except PySparkException as error:
                    where = f"Statement {number}, line {line}: " if len(script) > 1 else ""
                    fail(f"{where}{sentence(error)}", error)
                except CancelledError as error:
                    fail("Cancelled", error)
        finally:
            session.stop()


def tables(as_json: AsJson = False) -> None:
    """Rows, files, size and last commit of every table that the streams write."""
    with explained() as settings:
        from lakehouse.progress import table_states

        names = ["table", "rows", "files", "MiB", "last commit", "snapshot"]
        rows = [
            (s.table, s.rows, s.files, round(s.bytes / 2**20, 2), s.committed, s.snapshot_id)
            for s in table_states(settings)
        ]
        show(names, rows, as_csv=False, as_json=as_json)


def compact(names: Tables = None, as_json: AsJson = False) -> None:
    """Rewrite small files as large sorted ones, expire old snapshots, remove orphans: what each table needs."""
    with explained() as settings:
        from dataclasses import asdict

        from pyspark.sql import SparkSession

        from lakehouse.maintenance import compact_all
        from lakehouse.spark import spark_session

        wanted = [name if "." in name else f"market.{name}" for name in names] if names else None
        try:
            found = compact_all(settings, wanted, lambda: spark_session(settings, "tickhouse-compact"))
        finally:
            if session := SparkSession.getActiveSession():
                session.stop()
        reports = [asdict(report) for report in found]
        columns = list(reports[0]) if reports else []
        if not as_json:
            columns = ["table", "need", "rows", "files_before", "files_after", "bytes_before", "bytes_after", "seconds"]
        show(columns, [tuple(report[name] for name in columns) for report in reports], as_csv=False, as_json=as_json)


def statement_of(statement: str | None, file: Path | None) -> str:
    """The one statement that was given, without its semicolon; typer.BadParameter unless there is exactly one."""
    if (statement is None) == (file is None):
        raise typer.BadParameter("give a statement, or a file with -f")
    text = (statement or read(file)).strip().rstrip(";")
    if not text:
        raise typer.BadParameter("the statement is empty")
    return text


def script_of(statement: str | None, file: Path | None) -> list[Sql]:
    """The statements of the line, of a file or, without either, of standard input; typer.BadParameter for none."""
    if statement is not None and file is not None:
        raise typer.BadParameter("give statements, or a file with -f, not both")
    text = statement if statement is not None else read(file) if file else sys.stdin.read()
    found = statements(text)
    if not found:
        raise typer.BadParameter("there is no statement")
    return found


def read(file: Path | None) -> str:
    """A file's text; typer.BadParameter where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8") if file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from error


def show(columns: Sequence[str], rows: Sequence[Sequence[Any]], as_csv: bool, as_json: bool) -> None:
    """Rows as a table, numbers to the right; or as CSV or JSON lines, exact."""
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows(rows)
    elif as_json:
        for row in rows:
            typer.echo(json.dumps(dict(zip(columns, row, strict=True)), default=str))
    elif columns:
        from rich.console import Console
        from rich.table import Table

        table = Table()
        for number, column in enumerate(columns):
            numeric = all(is_number(row[number]) for row in rows)
            table.add_column(column, justify="right" if numeric else "left")
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row))
        Console(width=None if sys.stdout.isatty() else 200).print(table)
        typer.echo(f"{len(rows)} row{'' if len(rows) == 1 else 's'}")


def is_number(value: Any) -> bool:
    """Whether a value is written to the right."""
    from decimal import Decimal

    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))


@contextmanager
def explained() -> Iterator[StackSettings]:
    """The settings; what goes wrong becomes one line that says what to do, and an exit code."""
    from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
    from pydantic import ValidationError
    from pyiceberg.exceptions import NoSuchTableError
    from pyspark.errors import PySparkException
    from sqlalchemy.exc import OperationalError
    from trino.exceptions import Error as TrinoError
    from trino.exceptions import TrinoConnectionError, TrinoUserError

    from lakehouse.alone import MaintenanceRunningError
    from stack.settings import explain, stack_settings
    from stack.setup.jdk import MissingJdkError
    from stack.spark_shell import sentence

    try:
        settings = stack_settings()
    except ValidationError as error:
        for line in explain(error):
            typer.echo(line, err=True)
        raise typer.Exit(2) from error
    try:
        yield settings
    except TrinoConnectionError as error:
        fail(f"Trino does not answer at {settings.trino}: start it with `tickhouse up trino`", error)
    except TrinoUserError as error:
        fail(f"{error.error_name}: {error.message}", error)
    except TrinoError as error:
        fail(f"Trino: {error}", error)
    except OperationalError as error:
        fail("The lake's catalog does not answer: start PostgreSQL with `tickhouse up postgres`", error)
    except NoSuchTableError as error:
        fail(f"{error}. `tickhouse tables` lists what there is", error)
    except (MissingJdkError, MaintenanceRunningError) as error:
        fail(str(error), error)
    except PySparkException as error:
        fail(sentence(error), error)
    except Py4JJavaError as error:
        fail(str(error.java_exception).split("\n", 1)[0], error)


def fail(message: str, cause: BaseException) -> None:
    """Say what went wrong, and leave with exit code 1."""
    typer.echo(message, err=True)
    raise typer.Exit(1) from cause
