import datetime as dt

import pytest

from simulators.calendar import (
    NotATradingDayError,
    last_complete_trading_day,
    next_trading_day,
    trading_day,
    trading_days,
)


def utc(micros: int) -> str:
    return dt.datetime.fromtimestamp(micros / 1_000_000, dt.UTC).isoformat(timespec="minutes")


def test_a_session_follows_new_york_time_through_daylight_saving() -> None:
    summer, winter = trading_day(dt.date(2026, 7, 1)), trading_day(dt.date(2026, 12, 1))
    assert (utc(summer.open), utc(summer.close)) == ("2026-07-01T13:30+00:00", "2026-07-01T20:00+00:00")
    assert (utc(winter.open), utc(winter.close)) == ("2026-12-01T14:30+00:00", "2026-12-01T21:00+00:00")
    assert summer.minutes == winter.minutes == 390


def test_the_day_after_thanksgiving_closes_early() -> None:
    assert trading_day(dt.date(2026, 11, 27)).minutes == 210


@pytest.mark.parametrize(
    "date", [dt.date(2026, 11, 26), dt.date(2026, 11, 28), dt.date(1990, 1, 2), dt.date(2060, 1, 2)]
)
def test_a_date_without_trading_is_refused(date: dt.date) -> None:
    with pytest.raises(NotATradingDayError, match=r"trading day|calendar"):
        trading_day(date)


def test_trading_days_skip_weekends_and_holidays() -> None:
    days = trading_days(3, dt.date(2026, 11, 30))
    assert [str(day.date) for day in days] == ["2026-11-25", "2026-11-27", "2026-11-30"]


def test_no_run_of_no_days() -> None:
    with pytest.raises(NotATradingDayError, match="allowed are 1 to"):
        trading_days(0, dt.date(2026, 11, 30))


def test_the_next_trading_day_skips_new_year() -> None:
    assert next_trading_day(dt.date(2026, 12, 31)).date == dt.date(2027, 1, 4)


@pytest.mark.parametrize(
    ("now", "date"),
    [
        (dt.datetime(2026, 11, 23, 21, 4, tzinfo=dt.UTC), dt.date(2026, 11, 20)),
        (dt.datetime(2026, 11, 23, 21, 5, tzinfo=dt.UTC), dt.date(2026, 11, 23)),
        (dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC), dt.date(2026, 11, 20)),
    ],
)
def test_a_day_is_complete_five_minutes_after_its_close(now: dt.datetime, date: dt.date) -> None:
    assert last_complete_trading_day(now).date == date
