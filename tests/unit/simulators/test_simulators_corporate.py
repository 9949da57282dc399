"""The calendar of corporate actions, and days of a history with a split and a dividend."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from simulators.calendar import trading_day
from simulators.corporate import declared, shares_since_splits, since_splits
from simulators.history import State, first_state, generate, read_state
from simulators.market_clock import bounds, next_tick, tick_commands
from simulators.population import Population, load_population
from simulators.runs import DayFiles, Run, make_run
from streaming.contracts.codec import MINUTE
from streaming.contracts.commands import Clock, DeclareAction
from streaming.contracts.events import BookEvent, CorporateAction, Trade
from streaming.contracts.reference import instruments

DAYS = (dt.date(2026, 11, 18), dt.date(2026, 11, 19), dt.date(2026, 11, 20))
SPLIT = {"symbol": "ACME", "kind": "split", "numerator": 3, "denominator": 2, "date": DAYS[1]}
DIVIDEND = {"symbol": "BLUE", "kind": "cash_dividend", "amount": 1_500, "date": DAYS[2]}
ACME = next(item for item in instruments() if item.symbol == "ACME")


def people(*actions: dict[str, object]) -> Population:
    return Population.model_validate({**load_population().model_dump(), "corporate_action": list(actions)})


@pytest.fixture(scope="module")
def run() -> Run:
    on_the_first = {**DIVIDEND, "date": DAYS[0]}  # there is no price yet: a new exchange begins without it
    return make_run(7, 3, DAYS[-1], 1_500, people(SPLIT, DIVIDEND, on_the_first))


@pytest.fixture(scope="module")
def folder(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("home"), run)


def events(folder: Path, date: dt.date) -> list[BookEvent]:
    decoder: msgspec.json.Decoder[BookEvent] = msgspec.json.Decoder(BookEvent)
    return [decoder.decode(line) for line in DayFiles(folder, date).events.read_bytes().splitlines()]


def shares(state: State, symbol: str) -> int:
    return sum(account.shares[symbol] for account in state.accounts.values())


def cash(state: State) -> int:
    return sum(account.cash for account in state.accounts.values())


def test_actions_are_told_between_the_close_and_the_opening_of_their_ex_date(folder: Path) -> None:
    told = {date: [event for event in events(folder, date) if isinstance(event, CorporateAction)] for date in DAYS}
    assert told[DAYS[0]] == []
    (split,), (dividend,) = told[DAYS[1]], told[DAYS[2]]
    assert (split.action_id, split.status) == ("ACME-2026-11-19-1", "effective")
    assert (dividend.symbol, dividend.status, dividend.amount) == ("BLUE", "effective", 1_500)
    assert split.event_time == trading_day(DAYS[1]).open - 6 * MINUTE


def test_a_split_divides_the_prices_and_multiplies_the_shares(run: Run, folder: Path) -> None:
    before, after = (read_state(DayFiles(folder, date)) for date in DAYS[:2])
    trades = [event for event in events(folder, DAYS[1]) if isinstance(event, Trade) and event.symbol == "ACME"]
    assert len(trades) > 20
    close = before.references["ACME"]
    assert all(abs(trade.price / (close * 2 / 3) - 1) < 0.12 for trade in trades)
    whole = sum(account.shares["ACME"] * 3 // 2 for account in before.accounts.values())
    assert shares(after, "ACME") == whole
    halves = sum(account.shares["ACME"] % 2 for account in before.accounts.values())
    (split,) = (event for event in events(folder, DAYS[1]) if isinstance(event, CorporateAction))
    assert cash(after) - cash(before) == halves * ((split.adjusted_price or 0) // 2)
    assert shares(before, "ACME") == shares(first_state(run), "ACME")


def test_a_dividend_pays_every_share_and_lowers_the_price(folder: Path) -> None:
    before, after = (read_state(DayFiles(folder, date)) for date in DAYS[1:])
    assert cash(after) - cash(before) == 1_500 * shares(before, "BLUE")
    assert shares(after, "BLUE") == shares(before, "BLUE")
    (dividend,) = (event for event in events(folder, DAYS[2]) if isinstance(event, CorporateAction))
    assert dividend.adjusted_price == before.references["BLUE"] - 1_500


def test_what_the_splits_made_of_a_share_is_handed_on(folder: Path) -> None:
    assert [read_state(DayFiles(folder, date)).splits for date in DAYS] == [{}, {"ACME": (3, 2)}, {"ACME": (3, 2)}]
    assert since_splits(ACME, {"ACME": (3, 2)}).initial_price == ACME.initial_price * 2 // 3
    assert shares_since_splits(501, "ACME", {"ACME": (3, 2)}) == 751


@pytest.mark.parametrize(
    ("date", "names"),
    [
        (dt.date(2026, 11, 2), []),
        (dt.date(2026, 11, 3), ["ACME-2026-11-03-1"]),
        (dt.date(2026, 12, 2), []),
        (dt.date(2027, 11, 2), ["ACME-2027-11-02-1"]),  # the month begins on a Monday
    ],
)
def test_an_action_may_come_each_year_on_a_trading_day_of_some_months(date: dt.date, names: list[str]) -> None:
    yearly = {"symbol": "ACME", "kind": "cash_dividend", "amount": 1, "months": [2, 11], "trading_day": 2}
    assert [action.action_id for action in declared(people(yearly), "ACME", date, 0)] == names


def test_the_default_calendar_has_a_dividend_in_every_month_and_some_splits() -> None:
    actions = load_population().corporate_action
    dividends = [action.months for action in actions if action.kind == "cash_dividend"]
    assert sorted(month for months in dividends for month in months) == list(range(1, 13))
    assert any(action.kind == "split" for action in actions)


def test_the_live_clock_tells_them_a_minute_before_the_day_begins() -> None:
    day = trading_day(DAYS[1])
    begins = bounds(day)[0]
    before = trading_day(DAYS[0]).end
    assert [next_tick(before, 60, day), next_tick(begins - MINUTE, 60, day)] == [begins - MINUTE, begins]
    commands = tick_commands(begins - MINUTE, day, instruments(), (), people(SPLIT, DIVIDEND))
    assert [type(command) for command in commands] == [DeclareAction, *[Clock] * 19]
