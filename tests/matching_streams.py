"""Streams for the tests of the engine: whole trading days with every kind of command, and what nobody should send."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from streaming.contracts.codec import encode, encode_line
from streaming.contracts.commands import (
    AnyCommand,
    CancelAll,
    CancelOrder,
    Clock,
    DefineInstrument,
    DefineTrader,
    Halt,
    NewOrder,
    ReplaceOrder,
    Resume,
    Session,
    SetSession,
)
from streaming.contracts.money import MAX_INT64
from streaming.contracts.topics import ORDERS

START = 1_767_364_200_000_000
SECOND = 1_000_000
DAY = 86_400 * SECOND
MODES = ("none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement_and_cancel")
FORCES = {
    "limit": ("gtc", "gtc", "gtc", "day", "day", "gtd", "ioc", "fok", "at_the_open", "at_the_close"),
    "market": ("day", "day", "ioc", "fok", "at_the_open", "at_the_close"),
    "stop": ("gtc", "day", "gtd"),
    "stop_limit": ("gtc", "day", "ioc"),
}
SESSIONS: list[tuple[Session, float]] = [
    ("pre_open", 0.06),
    ("opening_auction", 0.04),
    ("continuous", 0.8),
    ("closing_auction", 0.1),
    ("closed", 0.0),
]
"""The sessions of a day, and the share of its commands that comes in each."""


class Memory(dict[bytes, bytes]):
    """The state of one key, as Quix keeps it."""

    def get_bytes(self, key: bytes) -> bytes | None:
        return self.get(key)

    def set_bytes(self, key: bytes, value: bytes) -> None:
        assert len(value) < 8 or int.from_bytes(value[:8], "big") > 10**15, "Quix would take this for a time of expiry"
        self[key] = value


class Day:
    """One symbol's commands, from an order for a symbol that nobody knows yet to the close, day after day."""

    def __init__(self, symbol: str, seed: int) -> None:
        self.symbol = symbol
        self._chance = random.Random(f"{symbol} {seed}")
        self._now = START
        self._number = 0

    def commands(self, count: int, days: int = 1) -> list[AnyCommand]:
        """`count` commands, of traders nearly all, and those that open and close the days."""
        symbol = self.symbol
        found: list[AnyCommand] = [
            CancelOrder(order_id=1, trader_id=1, symbol=symbol, event_time=START),
            DefineInstrument(
                symbol=symbol,
                tick_size=100,
                lot_size=1,
                max_quantity=10_000,
                max_notional=9_000_000_000,
                collar_bps=1_000,
                luld_tier=1,
                luld_bps=60,
                limit_state_seconds=4,
                pause_seconds=20,
                event_time=START,
            ),
            DefineTrader(trader_id=3, symbol=symbol, self_trade_prevention="cancel_oldest", event_time=START),
        ]
        for day in range(days):
            self._now = START + day * DAY
            for session, share in SESSIONS:
                found.append(
                    SetSession(
                        symbol=symbol,
                        session=session,
                        trading_date=f"2026-01-{2 + day:02}",
                        reference_price=1_000_000 if session == "pre_open" else None,
                        close_time=self._now + 1_600 * SECOND if session == "continuous" else None,
                        event_time=self._now,
                    )
                )
                found += [self._next() for _ in range(int(count / days * share))]
        return found

    def _next(self) -> AnyCommand:
        chance, symbol = self._chance, self.symbol
        self._now += chance.choice((0, 0, 20_000, 40_000, 100_000))
        if chance.random() < 0.002:
            self._now += 70 * SECOND
        at, kind = self._now, chance.random()
        self._number += 1
        old = chance.randint(max(1, self._number - 200), self._number)
        trader = 1 + old % 7
        if kind < 0.18:
            return CancelOrder(order_id=old, trader_id=trader, symbol=symbol, event_time=at)
        if kind < 0.26:
            return ReplaceOrder(
                order_id=old,
                trader_id=trader,
                symbol=symbol,
                price=chance.choice((None, None, self._price())),
                quantity=chance.randint(0, 300),
                event_time=at,
            )
        if kind < 0.262:
            return CancelAll(trader_id=trader, symbol=symbol, event_time=at)
        if kind < 0.28:
            return Clock(symbol=symbol, event_time=at)
        if kind < 0.283:
            return Halt(symbol=symbol, event_time=at)
        if kind < 0.29:
            return Resume(symbol=symbol, event_time=at)
        return self._order(at)

    def _price(self) -> int:
        return 1_000_000 + 100 * round(self._chance.gauss(0, 25))

    def _order(self, at: int) -> NewOrder:
        chance = self._chance
        order_type = chance.choice(("limit",) * 12 + ("market", "stop", "stop_limit"))
        force = chance.choice(FORCES[order_type])
        number = self._number if chance.random() > 0.01 else max(1, self._number - 50)
        limit = order_type == "limit"
        return NewOrder(
            order_id=number,
            trader_id=1 + number % 7,
            symbol=self.symbol,
            side=chance.choice(("buy", "sell")) if chance.random() < 0.99 else "hold",
            order_type=order_type,
            time_in_force=force,
            price=None if order_type in ("market", "stop") else self._price(),
            stop_price=self._price() if order_type.startswith("stop") else None,
            display_quantity=10 if limit and chance.random() < 0.1 else None,
            quantity=chance.randint(0 if chance.random() < 0.01 else 1, 300),
            expire_time=at + chance.randint(1, 300) * SECOND if force == "gtd" else None,
            post_only=limit and force in ("gtc", "day") and chance.random() < 0.05,
            self_trade_prevention=chance.choice((None, None, None, *MODES)),
            event_time=at,
        )


def envelopes(commands: list[AnyCommand], seed: int, largest: int = 12) -> Iterator[bytes]:
    """The commands of a symbol in messages of some each."""
    chance = random.Random(seed)
    start = 0
    while start < len(commands):
        batch = commands[start : start + chance.randint(1, largest)]
        start += len(batch)
        yield encode(ORDERS, batch[0].symbol, batch, batch[-1].event_time)


EXTREMES: list[Any] = [
    *(0, 1, -1, 7, 2**31, 2**32, MAX_INT64, MAX_INT64 + 1, -MAX_INT64 - 1, 2**64, 10**400),
    *(0.5, 1e308, -0.0, 1_000_000.0, float("nan"), None, True, False, [], [1], {}, {"a": 1}, [[[[[]]]]]),
    *("", "0", "buy", "BUY", "gtc", "limit", "\x00", "𝔄" * 40, "x" * 5_000, "-1", "1e3", "\ud800"),
    *(START, START - DAY, START + DAY, 4_102_444_800_000_000, 4_102_444_800_000_001),
]
RAW = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"0",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"symbol":' * 20_000,
    b'{"symbol":"FUZZ"}',
    b'{"symbol":"FUZZ","items":null}',
    b'{"symbol":"FUZZ","event_time":1,"items":[NaN]}',
    b'{"symbol":"FUZZ","event_time":1e400,"items":[{}]}',
    b'{"symbol":"FUZZ","event_time":1,"items":[%b]}' % (b"[" * 5_000 + b"]" * 5_000),
    b'{"symbol":"\xed\xa0\x80","event_time":1,"items":[]}',
    b'{"items":[],"items":[7],"symbol":"FUZZ"}',
]
"""Messages that were never anything."""
OTHERS = 900_000
"""The first trader whose orders nobody else has a right to change."""
WALL = OTHERS - 10


class Fuzz:
    """Messages to one market, FUZZ, that anybody might send, and how many answers each is owed.

    Orders that are good may trade: with each other, and with a wall of orders at 90 and 110 dollars, so that nothing
    gets through to the orders of others behind it, at 80 and below and at 120 and above.
    """

    symbol = "FUZZ"

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._number = 10_000
        self._now = START
        self._sent: list[bytes] = []

    def opening(self) -> bytes:
        """A market with the orders of others on it."""
        commands: list[AnyCommand] = [
            self._instrument(10**9),
            SetSession(
                symbol=self.symbol,
                session="continuous",
                trading_date="2026-01-02",
                reference_price=1_000_000,
                event_time=START,
            ),
        ]
        for number in range(1, 401):
            side, sign = ("buy", -1) if number % 2 else ("sell", 1)
            price = 1_000_000 + sign * (200_000 + 100 * number)
            commands.append(self._limit(number, OTHERS + number % 5, side, price, 50))
        return self._message([*commands, self._instrument(10**6)])

    def wall(self) -> bytes:
        """As much as a thousand of the largest orders can take."""
        self._number += 1
        commands: list[AnyCommand] = [
            self._instrument(10**9),
            self._limit(self._number, WALL, "buy", 900_000, 10**9),
            self._limit(self._number, WALL + 1, "sell", 1_100_000, 10**9),
            self._instrument(10**6),
            Clock(symbol=self.symbol, event_time=self._now),
        ]
        return self._message(commands)

    def message(self) -> tuple[bytes | None, bytes | None, bool, int]:
        """Key, value, whether it goes to the right partition, and how many answers or dead letters are owed."""
        chance = self._chance
        key = self.symbol.encode()
        kind = chance.random()
        if kind < 0.02:
            return key, chance.choice(RAW), True, 1
        if kind < 0.04:
            return key, chance.randbytes(chance.randint(0, 200)), True, 1
        if kind < 0.05:
            return chance.choice((None, b"", b"\xff", b"fuzz", b"OTHER", b"FUZZ ")), self._good(), True, 1
        if kind < 0.06:
            return key, self._good(), False, 1
        if kind < 0.065:
            return key, None, True, 1
        if kind < 0.16 and self._sent:
            return key, chance.choice(self._sent), True, 1  # once more, with an id that is used up
        if kind < 0.3:
            value = bytearray(self._good())
            for _ in range(chance.randint(1, 3)):
                value[chance.randrange(len(value))] = chance.randrange(256)
            return key, bytes(value), True, 1
        if kind < 0.33:
            good = self._good()
            return key, good[: chance.randrange(len(good))], True, 1
        if kind < 0.6:
            return key, self._mutated(), True, 1
        if kind < 0.65:
            items = [self._command() for _ in range(chance.randint(2, 20))]
            return key, self._message(items), True, len(items)
        return key, self._good(), True, 1

    def _good(self) -> bytes:
        value = self._message([self._command()])
        if self._chance.random() < 0.05:
            self._sent = [*self._sent[-500:], value]
        return value

    def _mutated(self) -> bytes:
        """A command with a field too many, too few, or of any value."""
        chance = self._chance
        fields: dict[str, Any] = json.loads(encode_line(self._command()))
        name = chance.choice([*fields, "price", "stop_price", "display_quantity", "expire_time", "nonsense"])
        if chance.random() < 0.2:
            fields.pop(name, None)
        elif name in ("symbol", "command"):
            fields[name] = chance.choice(["", "fuzz", "OTHER", "dance", 5, None, "x" * 100])
        elif name == "trader_id":
            fields[name] = chance.choice([0, -1, MAX_INT64, MAX_INT64 + 1, "1", None, 1.0])
        elif name == "display_quantity":
            fields[name] = chance.choice([value for value in EXTREMES if value not in (1, 7)])
        else:
            fields[name] = chance.choice(EXTREMES)
        envelope = {"symbol": self.symbol, "event_time": self._now, "items": [fields]}
        return json.dumps(envelope, ensure_ascii=chance.random() < 0.5).encode(errors="surrogatepass")

    def _command(self) -> AnyCommand:
        chance = self._chance
        self._number += 1
        self._now += chance.choice((0, 0, 1_000, 100_000))
        kind = chance.random()
        # Somebody else's order, by its id; or an old one of one's own.
        old = chance.randint(1, 400) if chance.random() < 0.1 else self._number - chance.randint(0, 400)
        if kind < 0.2:
            return CancelOrder(order_id=old, trader_id=1 + old % 50, symbol=self.symbol, event_time=self._now)
        if kind < 0.3:
            return ReplaceOrder(
                order_id=old,
                trader_id=1 + old % 50,
                symbol=self.symbol,
                price=chance.choice((None, 990_000, 1_010_000)),
                quantity=chance.choice((0, 5, 10**6)),
                event_time=self._now,
            )
        if kind < 0.305:
            return CancelAll(trader_id=chance.randint(1, 50), symbol=self.symbol, event_time=self._now)
        order_type = chance.choice(("limit", "limit", "limit", "market", "stop", "stop_limit"))
        price = 1_000_000 + 100 * chance.randint(-600, 600)
        quantity = chance.choice((1, 10, 500, 10**6))
        return NewOrder(
            order_id=self._number,
            trader_id=1 + self._number % 50,
            symbol=self.symbol,
            side=chance.choice(("buy", "sell")),
            order_type=order_type,
            time_in_force=chance.choice(FORCES[order_type]),
            price=None if order_type in ("market", "stop") else price,
            stop_price=price if order_type.startswith("stop") else None,
            # Each part that is shown is a trade: a million of them would only test patience.
            display_quantity=chance.choice((None, None, max(1, quantity // 20))) if order_type == "limit" else None,
            quantity=quantity,
            post_only=order_type == "limit" and chance.random() < 0.05,
            self_trade_prevention=chance.choice((None, None, *MODES)),
            event_time=self._now,
        )

    def _limit(self, number: int, trader: int, side: str, price: int, quantity: int) -> NewOrder:
        return NewOrder(
            order_id=number,
            trader_id=trader,
            symbol=self.symbol,
            side=side,
            order_type="limit",
            price=price,
            quantity=quantity,
            event_time=self._now,
        )

    def _instrument(self, max_quantity: int) -> DefineInstrument:
        return DefineInstrument(
            symbol=self.symbol,
            tick_size=100,
            lot_size=1,
            max_quantity=max_quantity,
            collar_bps=3_000,
            event_time=self._now,
        )

    def _message(self, commands: list[AnyCommand]) -> bytes:
        return encode(ORDERS, self.symbol, commands, commands[-1].event_time)
