"""A history's market straight into an empty lake, without Kafka and Flink: for a notebook, or a look at a scenario.

    tickhouse up tables && python -m stack.shadow_lake --scenario flash_crash

The rows are what the engine's own code answers to the same commands. Nothing is settled: there are no portfolio
updates, bars and alerts. Kafka's columns count the rows, and their time is the market's.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Any
from uuid import uuid4

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import Table

from lakehouse.catalog import catalog
from lakehouse.tables import REFERENCE_TABLES, TABLES, create_tables
from simulators.history import generate
from simulators.publish import messages
from simulators.runs import DayFiles, Run, make_run
from simulators.scenario import load_scenario
from streaming.contracts.codec import MINUTE, decode, decode_command
from streaming.contracts.events import Episode
from streaming.contracts.reference import instruments, traders
from streaming.contracts.settings import Settings
from streaming.contracts.topics import GROUND_TRUTH, TOPICS
from streaming.matching.answers import Message, Teller
from streaming.matching.market import SymbolMarket

BOOK_MINUTES = 5
"""Minutes of the market between two book snapshots of a symbol."""
BY_NAME = {topic.name: topic for topic in TOPICS}


class NotEmptyError(RuntimeError):
    """The lake holds trades already, which a history's must not be mixed with."""


def fill(settings: Settings, run: Run) -> dict[str, int]:
    """Trade the run's days and append them to the lake's tables, a file a table and day; the rows by table.

    NotEmptyError where there are trades. sqlalchemy.exc.OperationalError where the catalog does not answer.
    """
    create_tables(settings)
    lake = catalog(settings)
    try:
        if lake.load_table("market.trades").current_snapshot() is not None:
            raise NotEmptyError(f"{settings.warehouse_uri} holds trades already: choose another TICKHOUSE_HOME")
        rows: dict[str, int] = defaultdict(int)

        def append(name: str, items: Sequence[Any]) -> None:
            _append(lake.load_table(name), items, rows[name])
            rows[name] += len(items)

        people = {"instruments": instruments(), "traders": traders()}
        for definition in REFERENCE_TABLES:
            append(definition.identifier, people[definition.name])
        folder = generate(settings.home, run)
        markets: dict[str, _Market] = {}
        for day in run.trading_days():
            told = _told(DayFiles(folder, day.date), markets)
            for definition in TABLES:
                if definition.topic and told[definition.topic.name]:
                    append(definition.identifier, told[definition.topic.name])
    finally:
        lake.close()
    return dict(rows)


class _Market:
    """One symbol's market, and when its book was told last."""

    def __init__(self, symbol: str) -> None:
        self.market = SymbolMarket(symbol)
        self.teller = Teller(self.market)
        self.told = 0

    def answer(self, lines: Sequence[bytes]) -> list[Message]:
        found = self.teller.answer([decode_command(line) for line in lines])
        if self.market.now // MINUTE >= self.told + BOOK_MINUTES:
            self.told = self.market.now // MINUTE
            found += self.teller.book(self.market.snapshot())
        return found


def _told(files: DayFiles, markets: dict[str, _Market]) -> dict[str, list[Any]]:
    """What would be on each topic of a day."""
    found: dict[str, list[Any]] = defaultdict(list)
    for message in messages(files.commands):
        market = markets.setdefault(message.symbol, _Market(message.symbol))
        for answer in market.answer(message.lines):
            found[answer.topic] += decode(BY_NAME[answer.topic], answer.value)
    labels = files.truth.read_bytes().splitlines()
    found[GROUND_TRUTH.name] = [msgspec.json.decode(line, type=Episode) for line in labels]
    return found


def _append(table: Table, items: Sequence[Any], first: int) -> None:
    """A day's rows as a file of their own: Table.append wants a further package where partitions are days."""
    schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
    columns = [
        pa.array([_value(item, field, first + n) for n, item in enumerate(items)], field.type) for field in schema
    ]
    path = f"{table.location()}/data/{uuid4()}.parquet"
    with table.io.new_output(path).create() as file:
        pq.write_table(pa.table(columns, schema=schema), file, compression="zstd")
    table.add_files([path])


FROM_KAFKA: dict[str, Callable[[Any, int], int]] = {
    "kafka_partition": lambda _item, _number: 0,
    "kafka_offset": lambda _item, number: number,
    "kafka_time": lambda item, _number: int(item.event_time),
}


def _value(item: Any, field: pa.Field, number: int) -> Any:
    """A field of a contract's struct as its column has it; Arrow takes microseconds as they are."""
    if make := FROM_KAFKA.get(field.name):
        return make(item, number)
    config = item.__struct_config__
    value = config.tag if field.name == config.tag_field else getattr(item, field.name, None)
    if value is not None and pa.types.is_decimal(field.type):
        return Decimal(value).scaleb(-4)
    if isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
        names = [inner.name for inner in field.type.value_type.fields]
        return [{name: getattr(one, name.removesuffix("_units")) for name in names} for one in value]
    return value


def main(
    scenario: Annotated[str, typer.Option(help="A scenario's name, or a settings file")] = "flash_crash",
    end: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day")] = dt.datetime(2026, 11, 20),
    days: Annotated[int, typer.Option(min=1)] = 1,
    seed: Annotated[int, typer.Option(min=0)] = 42,
    orders_per_day: Annotated[int, typer.Option(min=1, help="Turns a day, of all ordinary traders")] = 12_000,
) -> None:
    """Trade a scenario's days in the shadow market, and write them into the empty lake of this stack."""
    from rich.console import Console
    from sqlalchemy.exc import OperationalError

    from simulators.calendar import NotATradingDayError
    from simulators.errors import SettingsError
    from streaming.contracts.settings import settings

    try:
        run = make_run(seed, days, end.date(), orders_per_day, None, load_scenario(scenario))
        with Console(stderr=True).status("Trading …"):
            rows = fill(settings(), run)
    except (NotEmptyError, NotATradingDayError, SettingsError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except OperationalError as error:
        typer.echo("The lake's catalog does not answer: start PostgreSQL with `tickhouse up tables`", err=True)
        raise typer.Exit(1) from error
    for name, count in rows.items():
        typer.echo(f"{name}: {count:,} rows")


if __name__ == "__main__":
    typer.run(main)
