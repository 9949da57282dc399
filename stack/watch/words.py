"""How the screen and the plain lines put things."""

from __future__ import annotations

import datetime as dt

from simulators.ticket import EXCHANGE_TIME
from stack.watch.state import View
from streaming.contracts.events import Alert, MarketStatus, Trade
from streaming.contracts.money import CENT, to_decimal

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def dollars(price: int) -> str:
    """With two decimals, or four where it is finer than a cent."""
    return f"{to_decimal(price):,.{4 if price % CENT else 2}f}"


def clock(time: int) -> str:
    """The time of day in New York of a time in microseconds since the epoch, to the millisecond."""
    return f"{_moment(time):%H:%M:%S}.{time // 1_000 % 1_000:03}"


def date_and_clock(time: int) -> str:
    """Date and time in New York, to the second."""
    return f"{_moment(time):%Y-%m-%d %H:%M:%S}"


def _moment(time: int) -> dt.datetime:
    return (EPOCH + dt.timedelta(microseconds=time)).astimezone(EXCHANGE_TIME)


def session(status: MarketStatus) -> str:
    """The session, and what stops or limits trading in it."""
    words = [status.session.replace("_", " ")]
    if status.halt == "halted":
        words.append("HALTED by hand")
    elif status.halt == "paused":
        words.append("PAUSED: a price limit lasted too long")
    if status.limit_state:
        words.append(f"LIMIT STATE: at the {status.limit_state} price band")
    return ", ".join(words)


def bounds(status: MarketStatus) -> list[str]:
    """What prices are allowed: the price band and the day's collar, where there are any."""
    found = []
    if status.lower_band_price is not None and status.upper_band_price is not None:
        found.append(f"price band {dollars(status.lower_band_price)} to {dollars(status.upper_band_price)}")
    if status.lower_price is not None and status.upper_price is not None:
        found.append(f"collar {dollars(status.lower_price)} to {dollars(status.upper_price)}")
    return found


def quote(view: View) -> str:
    """Last price, change since the day's reference price, volume, and what an auction would trade."""
    price, status = view.price, view.status
    if price is None or price.last_price is None:
        return "no trade yet"
    words = [dollars(price.last_price)]
    if status is not None and status.reference_price:
        words[0] += f" ({(price.last_price / status.reference_price - 1) * 100:+.2f} %)"
    words.append(f"volume {price.volume:,}")
    if price.indicative_price is not None:
        words.append(f"an auction would trade {price.indicative_quantity:,} at {dollars(price.indicative_price)}")
    return ", ".join(words)


def aggressor(trade: Trade) -> str:
    """Who took: buyer, seller, or nobody in an auction."""
    return "auction" if trade.aggressor_side == "none" else trade.aggressor_side


def alert(item: Alert) -> str:
    """The rule and its measure."""
    return f"{item.symbol} {item.rule.replace('_', ' ')}: {item.score:.1f}, threshold {item.threshold:.1f}"


def line(item: Trade | MarketStatus | Alert) -> str:
    """A trade, change of status or alert as one line of words."""
    when = f"{date_and_clock(item.event_time)}.{item.event_time // 1_000 % 1_000:03}"
    if isinstance(item, Trade):
        return f"{when} {item.symbol} trade {item.quantity:,} at {dollars(item.price)}, {aggressor(item)}"
    if isinstance(item, Alert):
        return f"{when} {item.symbol} alert {alert(item).removeprefix(item.symbol).strip()}"
    words = [session(item), *bounds(item)]
    if item.auction_price is not None:
        words.append(f"the auction traded {item.auction_quantity:,} at {dollars(item.auction_price)}")
    return f"{when} {item.symbol} status {'; '.join(words)}"
