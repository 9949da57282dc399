"""The engine without Kafka: what a message is answered with, and what survives of it."""

from __future__ import annotations

import copy
import json
import os
import random
from collections import defaultdict
from typing import Any

import pytest

from streaming.contracts.codec import MINUTE, decode, encode, encode_line
from streaming.contracts.commands import (
    AnyCommand,
    CancelOrder,
    Clock,
    DeclareAction,
    DefineInstrument,
    NewOrder,
    SetSession,
)
from streaming.contracts.events import Accepted, Cancelled, MassCancelled, Rejected, Replaced
from streaming.contracts.kafka import partition_of
from streaming.contracts.money import MAX_INT64
from streaming.contracts.topics import ORDERS, TOPICS
from streaming.matching import answers, journal
from streaming.matching.answers import Message
from streaming.matching.exchange import Exchange
from streaming.matching.host import Host, Pace
from streaming.matching.journal import PART_BYTES, Journal
from tests.matching_streams import OTHERS, Day, Fuzz, Memory, envelopes

OPEN = 1_767_364_200_000_000
PARTITIONS = 2
FUZZED = int(os.environ.get("TICKHOUSE_QUALIFY_FUZZ", "5000"))
FUZZ_SEED = int(os.environ.get("TICKHOUSE_QUALIFY_SEED", "1"))
TOPIC = {topic.name: topic for topic in TOPICS}
Stores = dict[bytes, Memory]


class Engine:
    """A host on stores in memory, with a transaction for each message unless told otherwise."""

    def __init__(self, pace: Pace | None = None, stores: Stores | None = None) -> None:
        self.stores: Stores = defaultdict(Memory) if stores is None else stores
        self.host = Host(PARTITIONS, pace or Pace(), lambda _partition, key: self.stores[key])

    def take(self, *commands: AnyCommand, symbol: str = "ACME", **more: Any) -> list[Message]:
        """Process a message without a transaction of its own."""
        fields: dict[str, Any] = {
            "key": symbol.encode(),
            "value": encode(ORDERS, symbol, commands, commands[-1].event_time if commands else OPEN),
            "partition": partition_of(symbol, PARTITIONS),
            "offset": 41,
            "timestamp": 1_700_000_000_123,
        }
        return self.host.process(**(fields | more))

    def process(self, *commands: AnyCommand, **more: Any) -> list[Message]:
        self.host.begin()
        messages = self.take(*commands, **more)
        self.host.commit()
        return messages

    def sent(self, value: bytes, symbol: str = "ACME") -> list[Message]:
        return self.process(symbol=symbol, value=value)


def opening(symbol: str = "ACME") -> list[AnyCommand]:
    return [
        DefineInstrument(
            symbol=symbol, tick_size=100, lot_size=1, max_quantity=1_000, collar_bps=1_000, event_time=OPEN
        ),
        SetSession(
            symbol=symbol, session="continuous", trading_date="2026-01-02", reference_price=1_000_000, event_time=OPEN
        ),
    ]


def order(order_id: int, side: str = "buy", at: int = OPEN, symbol: str = "ACME", **more: Any) -> NewOrder:
    fields: dict[str, Any] = {
        "order_id": order_id,
        "trader_id": 1 + order_id % 2,
        "symbol": symbol,
        "side": side,
        "order_type": "limit",
        "price": 1_000_000,
        "quantity": 10,
        "event_time": at,
    }
    return NewOrder(**(fields | more))


def told(messages: list[Message]) -> list[tuple[str, list[Any]]]:
    """Topic and items of each message."""
    return [(message.topic, decode(TOPIC[message.topic], message.value)) for message in messages]


def times(messages: list[Message]) -> list[tuple[str, int]]:
    return [(message.topic, json.loads(message.value)["event_time"]) for message in messages]


def dump(engine: Engine, symbol: str) -> bytes:
    return engine.host._markets[symbol.encode()].market.dump()


@pytest.fixture
def engine() -> Engine:
    """An engine in which ACME is open."""
    engine = Engine()
    engine.process(*opening())
    return engine


class TestAnswer:
    def test_has_one_message_a_topic(self, engine: Engine) -> None:
        messages = engine.process(order(1, "sell"), order(2), order(3), order(4))
        assert [(topic, len(items)) for topic, items in told(messages)] == [
            ("order-events", 4),
            ("trades", 1),
            ("prices", 1),
        ]
        assert {message.key for message in messages} == {b"ACME"}

    def test_to_an_opening_tells_status_price_book_and_that_time_passed(self) -> None:
        messages = Engine().process(*opening())
        assert [(topic, len(items)) for topic, items in told(messages)] == [
            ("market-status", 1),
            ("order-events", 0),
            ("trades", 0),
            ("prices", 1),
            ("book-snapshots", 1),
        ]

    def test_to_a_corporate_action_stands_between_the_trades_before_and_after(self, engine: Engine) -> None:
        day = {"symbol": "ACME", "event_time": OPEN}
        messages = engine.process(
            order(1, "sell"),
            order(2),
            SetSession(session="closed", trading_date="2026-01-02", **day),
            DeclareAction(action_id="a", kind="split", ex_date="2026-01-05", numerator=2, denominator=1, **day),
            SetSession(session="continuous", trading_date="2026-01-05", **day),
            order(3, "sell", price=500_000),
            order(4, price=500_000),
        )
        (action,) = (items for topic, items in told(messages) if topic == "corporate-actions")
        trades = [json.loads(message.value) for message in messages if message.topic == "trades"]
        first, *between, last = [[*trade["items"], *trade.get("actions", [])] for trade in trades]
        assert [item["trade_id"] for item in first + last] == ["ACME-4", "ACME-10"]
        assert [item for items in between for item in items] == [json.loads(encode_line(action[0]))]
        assert action[0].adjusted_price == 500_000

    def test_to_the_clock_is_an_empty_envelope_of_orders_and_of_trades_and_a_price(self, engine: Engine) -> None:
        messages = engine.process(Clock(symbol="ACME", event_time=OPEN + 7))
        assert times(messages) == [("order-events", OPEN + 7), ("trades", OPEN + 7), ("prices", OPEN + 7)]
        assert told(messages)[:2] == [("order-events", []), ("trades", [])]

    def test_to_a_rejection_has_no_price(self, engine: Engine) -> None:
        messages = engine.process(order(1, "short"))
        assert [topic for topic, _ in told(messages)] == ["order-events"]

    def test_to_an_order_behind_the_best_has_no_price(self, engine: Engine) -> None:
        engine.process(order(1))
        messages = engine.process(order(2, price=999_900))
        assert [topic for topic, _ in told(messages)] == ["order-events"]

    def test_while_orders_gather_has_the_indicative_price(self, engine: Engine) -> None:
        session = SetSession(symbol="ACME", session="pre_open", trading_date="2026-01-02", event_time=OPEN)
        engine.process(session, order(1))
        ((_, _), (topic, (price,))) = told(engine.process(order(2, "sell")))
        assert (topic, price.indicative_price, price.indicative_quantity) == ("prices", 1_000_000, 10)

    def test_is_cut_where_a_minute_of_market_time_ends(self, engine: Engine) -> None:
        first, second = OPEN + MINUTE - 1, OPEN + MINUTE
        messages = engine.process(
            order(1, "sell", at=first), order(2, at=first), Clock(symbol="ACME", event_time=second)
        )
        assert times(messages) == [
            ("order-events", first),
            ("trades", first),
            ("prices", first),
            ("order-events", second),
            ("trades", second),
            ("prices", second),
        ]

    def test_is_cut_where_timers_fired_in_minutes_before(self, engine: Engine) -> None:
        ends = [OPEN + MINUTE, OPEN + MINUTE + 5, OPEN + 3 * MINUTE]
        engine.process(*[order(n, time_in_force="gtd", expire_time=end) for n, end in enumerate(ends, 1)])
        now = OPEN + 5 * MINUTE
        messages = engine.process(Clock(symbol="ACME", event_time=now))
        assert times(messages) == [
            ("order-events", ends[1]),
            ("order-events", ends[2]),
            ("order-events", now),
            ("trades", now),
            ("prices", now),
        ]

    def test_to_a_time_too_far_ahead_is_cut_as_if_it_had_not_been_sent(self, engine: Engine) -> None:
        far = OPEN + 60 * MINUTE
        messages = engine.process(order(1, at=far), order(2, at=OPEN + MINUTE), order(3, at=OPEN + 2 * MINUTE))
        assert times(messages) == [
            ("order-events", OPEN),
            ("order-events", OPEN + MINUTE),
            ("prices", OPEN + MINUTE),
            ("order-events", OPEN + 2 * MINUTE),
            ("prices", OPEN + 2 * MINUTE),
        ]

    def test_is_cut_where_it_would_be_too_large(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(answers, "MAX_ITEMS", 2)
        messages = engine.process(*[order(number) for number in range(1, 6)])
        events = [items for topic, items in told(messages) if topic == "order-events"]
        assert [len(items) for items in events] == [2, 2, 1]
        assert [event.sequence for items in events for event in items] == [2, 3, 4, 5, 6]

    def test_of_the_largest_events_fits_into_a_message(self) -> None:
        largest: dict[str, Any] = dict.fromkeys(
            ("sequence", "order_id", "trader_id", "price", "stop_price", "quantity"), MAX_INT64
        )
        event = Accepted(
            **largest,
            symbol="ABCDEFGHIJKL",
            side="sell",
            order_type="stop_limit",
            time_in_force="at_the_close",
            display_quantity=MAX_INT64,
            expire_time=4_102_444_800_000_000,
            post_only=True,
            self_trade_prevention="decrement_and_cancel",
            event_time=4_102_444_800_000_000,
        )
        value = encode(TOPIC["order-events"], event.symbol, [event] * answers.MAX_ITEMS, event.event_time)
        assert len(value) < 1_000_000

    def test_to_strangers_is_at_their_own_time(self) -> None:
        messages = Engine().process(order(1, at=OPEN), order(2, at=OPEN - MINUTE), order(3, at=OPEN))
        assert times(messages) == [("order-events", OPEN), ("order-events", OPEN - MINUTE), ("order-events", OPEN)]

    def test_to_an_order_for_an_unknown_symbol_is_a_rejection_and_nothing_is_kept(self, engine: Engine) -> None:
        symbol = "ZZZZ"
        messages = engine.process(order(1, symbol=symbol), Clock(symbol=symbol, event_time=OPEN), symbol=symbol)
        ((topic, (event,)),) = told(messages)
        assert (topic, event.reason, event.sequence) == ("order-events", "unknown_symbol", None)
        assert engine.stores[b"ZZZZ"] == {}

    def test_two_symbols_do_not_mix(self, engine: Engine) -> None:
        engine.process(*opening("BLUE"), symbol="BLUE")
        engine.process(order(1, "sell"))
        messages = told(engine.process(order(1, symbol="BLUE"), symbol="BLUE"))
        assert [topic for topic, _ in messages] == ["order-events", "prices"]


class TestBook:
    """When the whole book is told."""

    @staticmethod
    def told_at(engine: Engine, messages: list[list[AnyCommand]]) -> list[int]:
        topics = [[topic for topic, _ in told(engine.process(*commands))] for commands in messages]
        return [number for number, names in enumerate(topics, 1) if "book-snapshots" in names]

    def test_after_so_many_commands(self) -> None:
        engine = Engine(Pace(commands=5))
        engine.process(*opening())
        cancels: list[list[AnyCommand]] = [
            [CancelOrder(order_id=number, trader_id=1, symbol="ACME", event_time=OPEN)] for number in range(1, 11)
        ]
        assert self.told_at(engine, cancels) == [5, 10]

    def test_of_a_large_book_after_as_many_as_it_had_orders(self) -> None:
        engine = Engine(Pace(commands=5))
        engine.process(*opening())
        assert self.told_at(engine, [[order(number)] for number in range(1, 41)]) == [5, 10, 20, 40]

    def test_after_so_many_minutes(self) -> None:
        engine = Engine(Pace(minutes=3))
        engine.process(*opening())
        clocks: list[list[AnyCommand]] = [
            [Clock(symbol="ACME", event_time=OPEN + minute * MINUTE)] for minute in range(1, 9)
        ]
        assert self.told_at(engine, clocks) == [3, 6]


class TestDeadLetter:
    @pytest.mark.parametrize(
        ("wrong", "reason"),
        [
            ({"value": b"no JSON"}, "malformed_message"),
            ({"value": None}, "malformed_message"),
            ({"value": b""}, "malformed_message"),
            ({"key": None}, "key_mismatch"),
            ({"key": b"\xff\xfe"}, "key_mismatch"),
            ({"key": b"BLUE"}, "key_mismatch"),
            ({"partition": 1 - partition_of("ACME", PARTITIONS)}, "key_mismatch"),
        ],
    )
    def test_of_a_bad_message_says_where_it_was_and_touches_no_state(
        self, engine: Engine, wrong: dict[str, Any], reason: str
    ) -> None:
        before = copy.deepcopy(engine.stores)
        (sent,) = engine.process(order(1), **wrong)
        ((topic, (letter,)),) = told([sent])
        assert (topic, sent.key) == ("dead-letters", b"orders")
        if "value" in wrong:
            assert letter.payload == (wrong["value"] or b"")
        else:
            assert b'"order_id":1' in letter.payload
        home = wrong.get("partition", partition_of("ACME", PARTITIONS))
        assert (letter.reason, letter.topic, letter.partition, letter.offset) == (reason, "orders", home, 41)
        assert letter.event_time == 1_700_000_000_123_000
        assert engine.stores == before

    def test_of_a_bad_item_leaves_the_others_in_force(self, engine: Engine) -> None:
        good = encode(ORDERS, "ACME", [order(1)], OPEN)
        messages = told(engine.sent(good.replace(b'"items":[', b'"items":[17,')))
        assert [topic for topic, _ in messages] == ["order-events", "prices", "dead-letters"]
        assert messages[-1][1][0].payload == b"17"

    def test_letters_too_many_for_one_message_are_split(self, engine: Engine) -> None:
        item = '"' + "x" * 200_000 + '"'
        value = f'{{"symbol":"ACME","items":[{",".join([item] * 4)}]}}'.encode()
        messages = told(engine.sent(value))
        assert [(topic, len(items)) for topic, items in messages] == [("dead-letters", 2), ("dead-letters", 2)]


PACE = Pace(commands=60, minutes=2)


@pytest.fixture(scope="module")
def stream() -> list[bytes]:
    """Two days of one symbol."""
    return list(envelopes(Day("ACME", seed=3).commands(1_500, days=2), seed=3))


@pytest.fixture(scope="module")
def expected(stream: list[bytes]) -> list[list[Message]]:
    """What an engine answers that is never stopped."""
    engine = Engine(PACE)
    return [engine.sent(value) for value in stream]


class TestRebuild:
    @pytest.fixture(autouse=True)
    def small(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        """Snapshots come often, and everything is in many parts."""
        monkeypatch.setattr(journal, "LOG_BYTES", 20_000)
        monkeypatch.setattr(journal, "PART_BYTES", 3_000)

    def test_every_kind_of_event_is_in_the_stream(self, expected: list[list[Message]]) -> None:
        events = [event for messages in expected for _, items in told(messages) for event in items]
        kinds = {event.__struct_config__.tag for event in events}
        assert kinds == {
            "accepted",
            "rejected",
            "replaced",
            "triggered",
            "cancelled",
            "mass_cancelled",
            "expired",
            "trade",
            "market_status",
            "price",
            "book_snapshot",
        }

    def test_it_says_what_the_pure_book_says(self, stream: list[bytes], expected: list[list[Message]]) -> None:
        exchange = Exchange()
        events = [event for value in stream for c in decode(ORDERS, value) for event in exchange.apply(c)]
        said: list[Any] = [event for messages in expected for _, items in told(messages) for event in items]
        numbered = sorted((event for event in said if getattr(event, "sequence", None)), key=lambda e: e.sequence)
        assert numbered == [event for event in events if event.sequence is not None]
        assert [event.sequence for event in numbered] == list(range(1, len(numbered) + 1))

    @pytest.mark.parametrize("seed", range(6))
    def test_a_process_goes_on_where_another_stopped_whatever_a_transaction_held(
        self, stream: list[bytes], expected: list[list[Message]], seed: int
    ) -> None:
        chance = random.Random(seed)
        engine, committed, done = Engine(PACE), Engine().stores, 0
        rebuilds = 0
        while done < len(stream):
            engine.host.begin()
            end = min(len(stream), done + chance.randint(1, 20))
            answers = [engine.take(value=value) for value in stream[done:end]]
            assert answers == expected[done:end]
            fate = chance.random()
            if fate < 0.7:
                engine.host.commit()
            if fate < 0.5:  # else killed, before or after the journal was written: the transaction is aborted
                committed, done = copy.deepcopy(engine.stores), end
            else:
                rebuilds += engine.host.counts.rebuilds
                engine = Engine(PACE, copy.deepcopy(committed))
        assert rebuilds + engine.host.counts.rebuilds > 3

    @pytest.mark.parametrize("seed", range(6))
    def test_two_engines_that_have_a_partition_in_turn_say_the_same(
        self, stream: list[bytes], expected: list[list[Message]], seed: int
    ) -> None:
        chance = random.Random(seed)
        engines, committed, done = [Engine(PACE), Engine(PACE)], Engine().stores, 0
        while done < len(stream):
            engine = chance.choice(engines)
            engine.stores.clear()
            engine.stores.update(copy.deepcopy(committed))
            engine.host.begin()
            end = min(len(stream), done + chance.randint(1, 20))
            assert [engine.take(value=value) for value in stream[done:end]] == expected[done:end]
            if chance.random() < 0.5:
                engine.host.commit()
                if chance.random() < 0.8:
                    committed, done = copy.deepcopy(engine.stores), end
        assert min(engine.host.counts.rebuilds for engine in engines) > 3

    def test_a_book_that_ran_ahead_of_an_aborted_transaction_is_thrown_away(
        self, stream: list[bytes], expected: list[list[Message]]
    ) -> None:
        engine = Engine(PACE)
        for value in stream[:20]:
            engine.sent(value)
        engine.host.begin()
        for value in stream[20:30]:
            engine.take(value=value)
        assert [engine.sent(value) for value in stream[20:]] == expected[20:]
        assert engine.host.counts.rebuilds == 1

    def test_a_transaction_costs_two_values_however_many_messages_it_holds(self, engine: Engine) -> None:
        before = set(engine.stores[b"ACME"])
        engine.host.begin()
        for number in range(1, 6):
            engine.take(order(number))
        engine.host.commit()
        assert set(engine.stores[b"ACME"]) - before == {b"/log/1"}

    def test_state_of_an_older_version_is_not_forgotten_in_silence(self) -> None:
        engine = Engine(stores={b"ACME": Memory({b"/position": b"7"})})
        with pytest.raises(ValueError, match="older version"):
            engine.process(*opening())


def test_values_stay_below_the_largest_kafka_message() -> None:
    engine = Engine()
    engine.process(*opening())
    for start in range(1, 20_000, 1_000):
        engine.process(*[order(number) for number in range(start, start + 1_000)])
    huge = [order(number, quantity=1) for number in range(20_001, 25_000)]
    assert len(encode(ORDERS, "ACME", huge, OPEN)) > PART_BYTES
    assert engine.process(*huge)
    store = engine.stores[b"ACME"]
    assert max(map(len, store.values())) <= PART_BYTES + 10
    read, snapshot, log = Journal.read(store)
    assert len(snapshot) > PART_BYTES
    assert (read.position, log) == (22, [])
    after = order(30_000, "sell")
    assert Engine(stores=copy.deepcopy(engine.stores)).process(after) == engine.process(after)


@pytest.mark.timeout(3_000)
def test_whatever_is_sent_is_answered_or_dead_lettered_and_changes_no_order_of_others() -> None:
    """TICKHOUSE_QUALIFY_FUZZ is how many, TICKHOUSE_QUALIFY_SEED which."""
    fuzz, engine = Fuzz(FUZZ_SEED), Engine()
    home = partition_of(fuzz.symbol, PARTITIONS)
    engine.process(*opening())
    engine.process(order(1))
    untouched = dump(engine, "ACME")

    def others() -> list[Any]:
        parts = engine.host._markets[b"FUZZ"].market.snapshot()
        return [order for part in parts for order in part.orders if OTHERS <= order.trader_id < OTHERS + 5]

    engine.sent(fuzz.opening(), fuzz.symbol)
    before = others()
    assert len(before) == 400
    sequence = 0
    kinds: dict[str, int] = defaultdict(int)
    for number in range(FUZZED):
        if number % 500 == 0:
            engine.host.commit()
            engine.sent(fuzz.wall(), fuzz.symbol)
            sequence = engine.host._markets[b"FUZZ"].market.sequence
            engine.host.begin()
        key, value, right, owed = fuzz.message()
        messages = engine.host.process(key, value, home if right else 1 - home, number, 1)
        numbers, given = [], 0
        for topic, items in told(messages):
            for item in items:
                kinds[item.__struct_config__.tag] += 1
                if topic in NUMBERED:
                    numbers.append(item.sequence)
                given += isinstance(item, Rejected | Accepted | MassCancelled) or topic == "dead-letters"
                given += isinstance(item, Replaced) or (isinstance(item, Cancelled) and item.reason == "requested")
        assert given >= owed, (value, messages)
        assert sorted(numbers) == list(range(sequence + 1, sequence + 1 + len(numbers)))
        sequence += len(numbers)
        if number % 5_000 == 0:
            assert others() == before
    engine.host.commit()
    assert others() == before
    assert dump(engine, "ACME") == untouched
    again = Engine(stores=engine.stores)
    again.process(Clock(symbol="FUZZ", event_time=OPEN), symbol="FUZZ")
    engine.process(Clock(symbol="FUZZ", event_time=OPEN), symbol="FUZZ")
    assert dump(again, "FUZZ") == dump(engine, "FUZZ")
    assert min(kinds[kind] for kind in ("accepted", "rejected", "trade", "dead_letter")) > FUZZED / 100


NUMBERED = ("order-events", "trades", "market-status")
