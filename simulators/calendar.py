"""The market's calendar: NYSE trading days and the bounds of their sessions.

Holidays, early closes and daylight saving come from `exchange_calendars` (calendar XNYS). Dates are the exchange's
own (America/New_York); every time is in microseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

import datetime as dt
import os
import warnings
from bisect import bisect_left, bisect_right
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version

import msgspec

from streaming.contracts.codec import MINUTE
from streaming.contracts.settings import settings

FIRST_YEAR, LAST_YEAR = 2000, 2049
AFTER_CLOSE = 5 * MINUTE
"""A last clock this long after the close lets the readers' event-time windows close."""


@dataclass(frozen=True)
class TradingDay:
    """A day with trading; `open` and `close` bound its continuous session."""

    date: dt.date
    open: int
    close: int

    @property
    def minutes(self) -> int:
        """Whole minutes of trading: 390, or 210 on a day with an early close."""
        return (self.close - self.open) // MINUTE

    @property
    def end(self) -> int:
        """The last moment of the day's market time."""
        return self.close + AFTER_CLOSE


class NotATradingDayError(ValueError):
    """The exchange is closed on the date, or the calendar does not reach it."""


Sessions = tuple[list[dt.date], list[int], list[int]]
"""Dates, opens and closes, each in order."""


@lru_cache(maxsize=1)
def _sessions() -> Sessions:
    """Every session; kept in the cache folder, because the library needs a second and 100 MB to work them out."""
    kept = settings().cache / f"trading-days-{FIRST_YEAR}-{LAST_YEAR}-{version('exchange_calendars')}.json"
    with suppress(OSError, msgspec.DecodeError):
        found: Sessions = msgspec.json.decode(kept.read_bytes(), type=Sessions)
        return found
    sessions = _work_out()
    with suppress(OSError):  # a cache that cannot be written only costs time
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}")
        partial.write_bytes(msgspec.json.encode(sessions))
        partial.replace(kept)
    return sessions


def _work_out() -> Sessions:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own use of pandas
        import exchange_calendars  # type: ignore[import-untyped]

        calendar = exchange_calendars.get_calendar("XNYS", start=f"{FIRST_YEAR}-01-01", end=f"{LAST_YEAR}-12-31")
        dates = [session.date() for session in calendar.sessions]
        opens = [int(nanos) // 1000 for nanos in calendar.opens_nanos]
        closes = [int(nanos) // 1000 for nanos in calendar.closes_nanos]
    return dates, opens, closes


def _day(index: int) -> TradingDay:
    dates, opens, closes = _sessions()
    return TradingDay(dates[index], opens[index], closes[index])


def trading_day(date: dt.date) -> TradingDay:
    """The session on `date`; NotATradingDayError (it names the nearest ones) where there is none."""
    dates, _, _ = _sessions()
    index = bisect_left(dates, date)
    if index == len(dates):
        raise NotATradingDayError(f"{date} is beyond the calendar, which ends on {dates[-1]}")
    if dates[index] != date:
        nearest = f"{dates[index - 1]} and {dates[index]}" if index else f"{dates[index]}"
        raise NotATradingDayError(f"{date} is not a trading day of the exchange; the nearest are {nearest}")
    return _day(index)


def first_place(date: dt.date) -> int:
    """How many trading days of the calendar come before a date."""
    return bisect_left(_sessions()[0], date)


def trading_days(count: int, end: dt.date) -> list[TradingDay]:
    """The `count` trading days whose last is `end`, oldest first; NotATradingDayError where `end` is none."""
    trading_day(end)
    dates, _, _ = _sessions()
    last = bisect_left(dates, end)
    if not 1 <= count <= last + 1:
        raise NotATradingDayError(f"{count} trading days up to {end}: allowed are 1 to {last + 1}")
    return [_day(index) for index in range(last + 1 - count, last + 1)]


def next_trading_day(date: dt.date) -> TradingDay:
    """The first trading day after `date`."""
    dates, _, _ = _sessions()
    index = bisect_right(dates, date)
    if index == len(dates):
        raise NotATradingDayError(f"the calendar ends on {dates[-1]}")
    return _day(index)


def last_complete_trading_day(now: dt.datetime) -> TradingDay:
    """The latest trading day whose session, five minutes included, was over at `now` (with a time zone)."""
    micros = int(now.timestamp() * 1_000_000)
    _, _, closes = _sessions()
    index = bisect_right(closes, micros - AFTER_CLOSE) - 1
    if index < 0:
        raise NotATradingDayError(f"the calendar begins in {FIRST_YEAR}")
    return _day(index)


def first_day_after(micros: int) -> TradingDay:
    """The first trading day whose market time ends after `micros`: the present one, or the next."""
    _, _, closes = _sessions()
    index = bisect_right(closes, micros - AFTER_CLOSE)
    if index == len(closes):
        raise NotATradingDayError(f"the calendar ends in {LAST_YEAR}")
    return _day(index)
