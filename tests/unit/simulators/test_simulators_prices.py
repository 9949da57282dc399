import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from simulators.errors import SettingsError
from simulators.fundamentals import day_path
from simulators.population import DEFAULT, load_population
from simulators.runs import make_run
from streaming.contracts.reference import instruments

ROWS = ["Date,Close,Other", "2008-09-11,100,1", "2008-09-12,104,1", "2008-09-15,97,1", "2008-09-16,99,1"]
FIRST = dt.date(2026, 11, 18)
ACME = instruments()[0]


def population(tmp_path: Path, rows: list[str], columns: str = '{ ACME = "Close" }', file: str = "prices.csv") -> Path:
    if file.endswith(".csv"):
        (tmp_path / file).write_text("\n".join(rows) + "\n")
    path = tmp_path / "mine.toml"
    table = f'[prices]\nfile = "{file}"\ntime = "Date"\nfirst_day = {FIRST}\ncolumns = {columns}\n\n[abuse]'
    path.write_text(DEFAULT.read_text().replace("[abuse]", table))
    return path


def test_a_days_value_goes_from_one_close_to_the_next(tmp_path: Path) -> None:
    people = load_population(population(tmp_path, ROWS))
    for day, (begin, end) in enumerate([(100, 104), (104, 97), (97, 99)]):
        date = FIRST + dt.timedelta(day)
        values = day_path(7, ACME, date, 1, 390, people.fundamental, prices=people.prices)
        assert abs(values[0] / (ACME.initial_price * begin / 100) - 1) < 0.01
        assert values[-1] == round(ACME.initial_price * end / 100)
        assert len(set(values)) > 200


def test_other_symbols_follow_the_factor_model(tmp_path: Path) -> None:
    people = load_population(population(tmp_path, ROWS))
    blue = instruments()[1]
    plain = day_path(7, blue, FIRST, 427_500, 390, people.fundamental)
    assert day_path(7, blue, FIRST, 427_500, 390, people.fundamental, prices=people.prices) == plain


def test_parquet_says_the_same(tmp_path: Path) -> None:
    dates = [dt.date(2008, 9, 11), dt.date(2008, 9, 12), dt.date(2008, 9, 15), dt.date(2008, 9, 16)]
    parquet.write_table(pa.table({"Date": dates, "Close": [100.0, 104, 97, 99]}), tmp_path / "prices.parquet")
    found = load_population(population(tmp_path, [], file="prices.parquet")).prices
    told = load_population(population(tmp_path, ROWS)).prices
    assert found is not None
    assert told is not None
    assert found.closes == told.closes == {"ACME": (100.0, 104.0, 97.0, 99.0)}


@pytest.mark.parametrize(
    ("line", "text", "said"),
    [
        (3, "2008-09-12,,1", "prices.csv:3: Close: '' is no price above zero"),
        (3, "2008-09-12,NaN,1", "prices.csv:3: Close: 'NaN' is no price above zero"),
        (4, "2008-09-15,-5,1", "prices.csv:4: Close: '-5' is no price above zero"),
        (4, "2008-09-15,abc,1", "prices.csv:4: Close: 'abc' is no price above zero"),
        (4, "2008-09-12,97,1", "prices.csv:4: 2008-09-12 is there twice"),
        (4, "2008-09-10,97,1", "prices.csv:4: time goes back, from 2008-09-12 to 2008-09-10"),
        (5, "2008-11-16,99,1", "prices.csv:5: nothing between 2008-09-15 and 2008-11-16: a gap of 62 days"),
        (2, "yesterday,100,1", "prices.csv:2: Date: 'yesterday' is no date such as 2026-11-20"),
        (1, "Date,Last,Other", "prices.csv:1: there is no column 'Close': there are Date, Last, Other"),
    ],
)
def test_a_mistake_is_one_message_with_file_and_line(tmp_path: Path, line: int, text: str, said: str) -> None:
    rows = [*ROWS[: line - 1], text, *ROWS[line:]]
    with pytest.raises(SettingsError) as caught:
        load_population(population(tmp_path, rows))
    assert str(caught.value).endswith(said)


def test_a_symbol_twice_or_unlisted_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"mine\.toml"):
        load_population(population(tmp_path, ROWS, '{ ACME = "Close", ACME = "Other" }'))
    with pytest.raises(SettingsError, match=r"mine\.toml:\d+: prices\.columns: NOPE is not listed"):
        load_population(population(tmp_path, ROWS, '{ NOPE = "Close" }'))


def test_a_run_that_the_file_does_not_reach_is_refused_before_it_starts(tmp_path: Path) -> None:
    people = load_population(population(tmp_path, ROWS))
    assert make_run(7, 3, dt.date(2026, 11, 20), None, people).days == 3
    with pytest.raises(SettingsError, match="has prices for 3 trading days from 2026-11-18 on; 2026-11-17 is not one"):
        make_run(7, 4, dt.date(2026, 11, 20), None, people)
