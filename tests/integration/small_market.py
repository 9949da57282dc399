"""Twenty-five trading days of a small market with known right answers, and an oracle that works them out the slow way.

Among them are two splits and a dividend.

Everything is in the contracts' units: 1/10,000 dollar, whole shares, microseconds.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import Table

from lakehouse.catalog import catalog
from lakehouse.tables import REFERENCE_TABLES, TABLES, create_tables
from streaming.contracts.reference import instruments, traders
from streaming.contracts.settings import Settings

NEW_YORK = ZoneInfo("America/New_York")
SYMBOLS = ("ACME", "BLUE", "CRUX")
TRADERS = (1, 2, 1001, 1002, 1003, 1004)
CASH, SHARES = 1_000_000_0000, 1_000
MINUTE = 60_000_000


@dataclass
class Market:
    """Rows for the raw tables, in the contracts' units, and the trading days they are of."""

    days: list[date]
    reference: dict[str, int]
    trades: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    bars: list[dict[str, Any]] = field(default_factory=list)
    prices: list[dict[str, Any]] = field(default_factory=list)
    snapshots: list[dict[str, Any]] = field(default_factory=list)
    order_events: list[dict[str, Any]] = field(default_factory=list)
    references: dict[tuple[date, str], int] = field(default_factory=dict)
    closes: dict[tuple[date, str], int] = field(default_factory=dict)


@dataclass
class Books:
    """What one trader has: cash, and shares and their cost by symbol."""

    cash: int = 0
    shares: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    cost: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    realised: int = 0
    dividends: int = 0
    updates: int = 0


@dataclass
class Answer:
    """What the marts must say of a trader at a day's close."""

    cash: int
    shares: dict[str, int]
    holdings: int
    realised: int
    unrealised: int
    total: int
    opening: int
    dividends: int


def micros(day: date, at: time) -> int:
    moment = datetime.combine(day, at, NEW_YORK).astimezone(UTC)
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def half_up(value: Fraction) -> int:
    return int((2 * value + 1) // 2)


def trading_days(first: date, count: int) -> list[date]:
    days = (first + timedelta(days=number) for number in range(2 * count + 7))
    return [day for day in days if day.weekday() < 5][:count]


def make_market(count: int = 25, seed: int = 7) -> tuple[Market, dict[tuple[int, date], Answer]]:
    """The rows, and the answers. The clocks change in New York within the days."""
    dice = random.Random(seed)
    days = trading_days(date(2026, 10, 12), count)
    reference = {symbol: dice.randrange(20_0000, 200_0000, 100) for symbol in SYMBOLS}
    market = Market(days, reference)
    books = {trader: Books() for trader in TRADERS}
    sequences: dict[str, int] = defaultdict(int)
    last = dict(reference)
    answers: dict[tuple[int, date], Answer] = {}
    previous: dict[int, int] = {}

    def tell(trader: int, entry: str, trade: str | None, symbol: str | None, cash: int, shares: int, at: int) -> None:
        held = books[trader]
        held.cash += cash
        held.updates += 1
        if symbol:
            held.shares[symbol] += shares
        market.updates.append(
            {
                "sequence": held.updates, "trader_id": trader, "entry_id": entry, "trade_id": trade, "symbol": symbol,
                "cash_change": cash, "quantity_change": shares, "cash": held.cash,
                "position": held.shares[symbol] if symbol else 0, "event_time": at,
            }
        )  # fmt: skip

    before = micros(days[0], time(0))
    for trader in TRADERS:
        tell(trader, f"endowment-{trader}", None, None, CASH, 0, before)
        for symbol in SYMBOLS:
            tell(trader, f"endowment-{trader}-{symbol}", None, symbol, 0, SHARES, before)
            books[trader].cost[symbol] = reference[symbol] * SHARES
        previous[trader] = CASH + sum(books[trader].cost.values())

    def announce(symbol: str, day: date, session: str, at: int, **more: Any) -> None:
        sequences[symbol] += 1
        price = market.references[day, symbol]
        known = {"reference_price": price, "lower_price": 1, "upper_price": price * 2}
        if session == "continuous" and "halt" not in more:
            known |= {"band_reference_price": price, "lower_band_price": price - 100, "upper_band_price": price + 100}
        market.statuses.append(
            {
                "sequence": sequences[symbol], "symbol": symbol, "session": session, "trading_date": day.isoformat(),
                "event_time": at, **(known if session != "closed" else {}), **more,
            }
        )  # fmt: skip

    def trade(
        symbol: str, at: int, buyer: int, seller: int, price: int, quantity: int, auction: bool
    ) -> dict[str, Any]:
        sequences[symbol] += 1
        trade_id = f"{symbol}-{sequences[symbol]}"
        names = ("buy_order_id", "sell_order_id") if auction else ("maker_order_id", "taker_order_id")
        row = {
            "sequence": sequences[symbol], "trade_id": trade_id, "symbol": symbol, "price": price, "quantity": quantity,
            names[0]: 2 * len(market.trades) + 1, names[1]: 2 * len(market.trades) + 2,
            "buyer_id": buyer, "seller_id": seller,
            "aggressor_side": "none" if auction else dice.choice(["buy", "sell"]), "event_time": at,
        }  # fmt: skip
        market.trades.append(row)
        last[symbol] = price
        bought, sold = books[buyer], books[seller]
        removed = half_up(Fraction(sold.cost[symbol] * quantity, sold.shares[symbol]))
        sold.cost[symbol] -= removed
        sold.realised += price * quantity - removed
        bought.cost[symbol] += price * quantity
        tell(buyer, trade_id, trade_id, symbol, -price * quantity, quantity, at)
        tell(seller, trade_id, trade_id, symbol, price * quantity, -quantity, at)
        return row

    def try_trade(symbol: str, at: int, auction: bool = False) -> list[dict[str, Any]]:
        price = max(100, (last[symbol] * dice.randrange(970, 1031) // 1000) // 100 * 100)
        seller, buyer = dice.sample(TRADERS, 2)
        quantity = dice.randrange(1, 40)
        if books[seller].shares[symbol] < quantity or books[buyer].cash < price * quantity:
            return []
        return [trade(symbol, at, buyer, seller, price, quantity, auction)]

    def act(symbol: str, kind: str, at: int, change: Callable[[int], tuple[int, int]]) -> None:
        """What each holder gets by a split or a dividend: cash and shares, for none of which anything is paid."""
        sequences[symbol] += 1
        for trader, held in books.items():
            cash, shares = change(held.shares[symbol])
            held.dividends += cash
            tell(trader, f"{kind}-{symbol}-{sequences[symbol]}-{trader}", None, symbol, cash, shares, at)

    for day in days:
        opening, closing = micros(day, time(9, 30)), micros(day, time(16))
        for held in books.values():
            held.realised = held.dividends = 0
        if day == days[6]:  # three for two, and a fraction at half of the new price
            last["ACME"] = half_up(Fraction(last["ACME"] * 2, 300)) * 100
            act("ACME", "split", opening - 40 * MINUTE, lambda held: (held % 2 * (last["ACME"] // 2), held // 2))
        if day == days[11]:
            last["BLUE"] -= 2_500
            act("BLUE", "dividend", opening - 40 * MINUTE, lambda held: (2_500 * held, 0))
        if day == days[17]:  # one for four
            last["CRUX"] *= 4
            act("CRUX", "split", opening - 40 * MINUTE, lambda held: (held % 4 * last["CRUX"] // 4, held // 4 - held))
        for symbol in SYMBOLS:
            market.references[day, symbol] = last[symbol]
            # CRUX is quiet on the third day; on the fourth nothing is traded there but at the close.
            quiet, late = (symbol, day) == ("CRUX", days[2]), (symbol, day) == ("CRUX", days[3])
            wanted = 0 if quiet or late else 12
            announce(symbol, day, "pre_open", opening - 30 * MINUTE)
            announce(symbol, day, "opening_auction", opening - 2 * MINUTE)
            done = [] if quiet or late else try_trade(symbol, opening, auction=True)
            announce(symbol, day, "continuous", opening, **auction_sums(done))
            for number, at in enumerate(sorted(dice.sample(range(opening, closing, 15_000_000), wanted))):
                if number == 6:
                    announce(symbol, day, "continuous", at, halt="paused")
                    announce(symbol, day, "continuous", at)
                done += try_trade(symbol, at)
            announce(symbol, day, "closing_auction", closing - 5 * MINUTE)
            last_done = [] if quiet else try_trade(symbol, closing, auction=True)
            announce(symbol, day, "closed", closing, **auction_sums(last_done))
            done += last_done
            market.bars += bars(done)
            market.closes[day, symbol] = last[symbol]
        for trader, held in books.items():
            holdings = sum(held.shares[symbol] * last[symbol] for symbol in SYMBOLS)
            total = held.cash + holdings
            answers[trader, day] = Answer(
                held.cash, dict(held.shares), holdings, held.realised, holdings - sum(held.cost.values()),
                total - previous[trader], previous[trader], held.dividends,
            )  # fmt: skip
            previous[trader] = total
    return market, answers


def auction_sums(trades: list[dict[str, Any]]) -> dict[str, int]:
    """What the status after an auction of one trade, or none, tells of it."""
    return {"auction_price": trades[0]["price"], "auction_quantity": trades[0]["quantity"]} if trades else {}


def bars(trades: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One symbol's one-minute bars of one day (the moving figures are not asked for here)."""
    minutes: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in trades:
        minutes[row["event_time"] // MINUTE * MINUTE].append(row)
    made = []
    for start, inside in sorted(minutes.items()):
        prices = [row["price"] for row in inside]
        volume = sum(row["quantity"] for row in inside)
        turnover = sum(row["price"] * row["quantity"] for row in inside)
        made.append(
            {
                "symbol": inside[0]["symbol"], "open": prices[0], "high": max(prices), "low": min(prices),
                "close": prices[-1], "volume": volume, "trades": len(inside), "turnover": turnover,
                "vwap": half_up(Fraction(turnover, volume)), "first_sequence": inside[0]["sequence"],
                "last_sequence": inside[-1]["sequence"], "moving_average": prices[-1], "event_time": start,
            }
        )  # fmt: skip
    return made


def write(settings: Settings, market: Market) -> None:
    """Makes the raw tables and appends the market's rows to them, through PyIceberg."""
    create_tables(settings)
    written = {
        "trades": market.trades,
        "portfolio_updates": market.updates,
        "market_status": market.statuses,
        "bars_1m": market.bars,
        "prices": market.prices,
        "book_snapshots": market.snapshots,
        "order_events": market.order_events,
        "instruments": [to_row(item) for item in instruments()],
        "traders": [to_row(item) for item in traders()],
    }
    lake = catalog(settings)
    try:
        for definition in (*TABLES, *REFERENCE_TABLES):
            if rows := written.get(definition.name):
                add(lake.load_table(definition.identifier), rows)
    finally:
        lake.close()


def add(table: Table, rows: list[dict[str, Any]]) -> None:
    """A file a day: PyIceberg appends to a table partitioned by day only with a further package."""
    schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
    days: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for number, row in enumerate(rows):
        days[row.get("event_time", 0) // (24 * 60 * MINUTE)].append(lake_row(row, schema, number))
    files = []
    for day, inside in days.items():
        files.append(f"{table.location()}/data/{day}-{len(table.history())}.parquet")
        with table.io.new_output(files[-1]).create() as file:
            pq.write_table(pa.Table.from_pylist(inside, schema), file)
    table.add_files(files)


def to_row(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__struct_fields__}


def lake_row(row: dict[str, Any], schema: pa.Schema, number: int) -> dict[str, Any]:
    from_kafka = {"kafka_partition": 0, "kafka_offset": number, "kafka_time": number}
    return {column.name: lake_value(column.type, {**from_kafka, **row}.get(column.name)) for column in schema}


def lake_value(column: pa.DataType, value: Any) -> Any:
    if value is not None and pa.types.is_decimal(column):
        return Decimal(value).scaleb(-4)
    if value is not None and pa.types.is_timestamp(column):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
    return value
