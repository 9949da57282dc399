"""The calendar of splits and dividends, and what they have made of a symbol since the exchange began."""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from simulators.calendar import first_place
from simulators.population import CorporateAction, Population, Split
from streaming.contracts import events
from streaming.contracts.commands import DeclareAction
from streaming.contracts.reference import Instrument

Splits = dict[str, tuple[int, int]]
"""By symbol: how many shares have become of how many by all splits together; a symbol without one is not there."""


def declared(people: Population, symbol: str, date: dt.date, event_time: int) -> list[DeclareAction]:
    """The commands that tell the exchange of the actions whose ex date is a trading day."""
    found = [action for action in people.corporate_action if action.symbol == symbol and falls_on(action, date)]
    return [
        DeclareAction(
            action_id=f"{symbol}-{date}-{number}",
            symbol=symbol,
            kind=action.kind,
            ex_date=str(date),
            numerator=action.numerator if isinstance(action, Split) else None,
            denominator=action.denominator if isinstance(action, Split) else None,
            amount=None if isinstance(action, Split) else action.amount,
            event_time=event_time,
        )
        for number, action in enumerate(found, 1)
    ]


def falls_on(action: CorporateAction, date: dt.date) -> bool:
    """Whether a trading day is an action's ex date."""
    if action.date is not None:
        return action.date == date
    return date.month in action.months and _trading_day_of_month(date) == action.trading_day


def _trading_day_of_month(date: dt.date) -> int:
    return first_place(date) - first_place(date.replace(day=1)) + 1


def note(splits: Splits, action: events.CorporateAction) -> None:
    """Let an action count in `splits`, if it is a split that took effect."""
    if action.status == "effective" and action.kind == "split":
        shares, each = splits.get(action.symbol, (1, 1))
        splits[action.symbol] = shares * (action.numerator or 1), each * (action.denominator or 1)


def since_splits(item: Instrument, splits: Splits) -> Instrument:
    """The instrument with its first price as it is after the splits: what its value is drawn to."""
    shares, each = splits.get(item.symbol, (1, 1))
    return replace(item, initial_price=max(1, item.initial_price * each // shares))


def shares_since_splits(endowed: int, symbol: str, splits: Splits) -> int:
    """What has become of the shares that an account held at first."""
    shares, each = splits.get(symbol, (1, 1))
    return endowed * shares // each
