"""The engine without Kafka: what a message is answered with, and what survives of it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from streaming.contracts.codec import MINUTE, decode, encode
from streaming.contracts.commands import AnyCommand, CancelOrder, Clock, DefineInstrument, NewOrder, SetSession
from streaming.contracts.kafka import partition_of
from streaming.contracts.topics import ORDERS, TOPICS
from streaming.matching import answers, host
from streaming.matching.answers import Message
from streaming.matching.host import Host, Incoming, Pace
from streaming.matching.journal import PART_BYTES, Journal

OPEN = 1_767_364_200_000_000
PARTITIONS = 2


class Store(dict[bytes, bytes]):
    """The state of one key."""

    def get_bytes(self, key: bytes) -> bytes | None:
        return self.get(key)

    def set_bytes(self, key: bytes, value: bytes) -> None:
        assert len(value) < 8 or int.from_bytes(value[:8], "big") > 10**15, "Quix would take this for a time of expiry"
        self[key] = value


def message(*commands: AnyCommand, symbol: str = "ACME", **more: Any) -> Incoming:
    fields: dict[str, Any] = {
        "key": symbol.encode(),
        "value": encode(ORDERS, symbol, commands, commands[-1].event_time if commands else OPEN),
        "partition": partition_of(symbol, PARTITIONS),
        "offset": 41,
        "timestamp": 1_700_000_000_123,
    }
    return Incoming(**(fields | more))


def opening(symbol: str = "ACME") -> list[AnyCommand]:
    return [
        DefineInstrument(
            symbol=symbol, tick_size=100, lot_size=1, max_quantity=1_000, collar_bps=1_000, event_time=OPEN
        ),
        SetSession(
            symbol=symbol, session="continuous", trading_date="2026-01-02", reference_price=1_000_000, event_time=OPEN
        ),
    ]


def order(order_id: int, side: str = "buy", at: int = OPEN, symbol: str = "ACME", quantity: int = 10) -> NewOrder:
    return NewOrder(
        order_id=order_id,
        trader_id=1 + order_id % 2,
        symbol=symbol,
        side=side,
        order_type="limit",
        price=1_000_000,
        quantity=quantity,
        event_time=at,
    )


def told(messages: list[Message]) -> list[tuple[str, list[Any]]]:
    """Topic and items of each message."""
    topics = {topic.name: topic for topic in TOPICS}
    return [(message.topic, decode(topics[message.topic], message.value)) for message in messages]


def times(messages: list[Message]) -> list[tuple[str, int]]:
    return [(message.topic, json.loads(message.value)["event_time"]) for message in messages]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def engine(store: Store) -> Host:
    """An engine in which ACME is open."""
    engine = Host(PARTITIONS, Pace())
    engine.process(message(*opening()), store)
    return engine


class TestAnswer:
    def test_has_one_message_a_topic(self, engine: Host, store: Store) -> None:
        messages = engine.process(message(order(1, "sell"), order(2), order(3), order(4)), store)
        assert [(topic, len(items)) for topic, items in told(messages)] == [
            ("order-events", 4),
            ("trades", 1),
            ("prices", 1),
        ]
        assert {message.key for message in messages} == {b"ACME"}

    def test_to_an_opening_tells_status_price_book_and_that_time_passed(self, store: Store) -> None:
        messages = Host(PARTITIONS, Pace()).process(message(*opening()), store)
        assert [(topic, len(items)) for topic, items in told(messages)] == [
            ("market-status", 1),
            ("trades", 0),
            ("prices", 1),
            ("book-snapshots", 1),
        ]

    def test_to_the_clock_is_an_empty_trades_envelope_and_a_price(self, engine: Host, store: Store) -> None:
        messages = engine.process(message(Clock(symbol="ACME", event_time=OPEN + 7)), store)
        assert times(messages) == [("trades", OPEN + 7), ("prices", OPEN + 7)]
        assert told(messages)[0] == ("trades", [])

    def test_to_a_rejection_has_no_price(self, engine: Host, store: Store) -> None:
        messages = engine.process(message(order(1, "short")), store)
        assert [topic for topic, _ in told(messages)] == ["order-events"]

    def test_is_cut_where_a_minute_of_market_time_ends(self, engine: Host, store: Store) -> None:
        first, second = OPEN + MINUTE - 1, OPEN + MINUTE
        messages = engine.process(
            message(order(1, "sell", at=first), order(2, at=first), Clock(symbol="ACME", event_time=second)), store
        )
        assert times(messages) == [
            ("order-events", first),
            ("trades", first),
            ("prices", first),
            ("trades", second),
            ("prices", second),
        ]

    def test_is_cut_where_it_would_be_too_large(
        self, engine: Host, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(answers, "MAX_ITEMS", 2)
        messages = engine.process(message(*[order(number) for number in range(1, 6)]), store)
        events = [items for topic, items in told(messages) if topic == "order-events"]
        assert [len(items) for items in events] == [2, 2, 1]
        assert [event.sequence for items in events for event in items] == [2, 3, 4, 5, 6]

    def test_to_an_order_for_an_unknown_symbol_is_a_rejection_and_nothing_is_kept(self, engine: Host) -> None:
        store = Store()
        symbol = "ZZZZ"
        messages = engine.process(
            message(order(1, symbol=symbol), Clock(symbol=symbol, event_time=OPEN), symbol=symbol), store
        )
        ((topic, (event,)),) = told(messages)
        assert (topic, event.reason, event.sequence) == ("order-events", "unknown_symbol", None)
        assert store == {}

    def test_tells_the_whole_book_after_so_many_commands(self) -> None:
        store, engine = Store(), Host(PARTITIONS, Pace(commands=5))
        engine.process(message(*opening()), store)
        topics = [
            [topic for topic, _ in told(engine.process(message(order(number)), store))] for number in range(1, 11)
        ]
        assert [number for number, names in enumerate(topics, 1) if "book-snapshots" in names] == [5, 10]

    def test_tells_the_whole_book_after_so_many_minutes(self) -> None:
        store, engine = Store(), Host(PARTITIONS, Pace(minutes=3))
        engine.process(message(*opening()), store)
        due = [
            minute
            for minute in range(1, 9)
            if "book-snapshots"
            in dict(told(engine.process(message(Clock(symbol="ACME", event_time=OPEN + minute * MINUTE)), store)))
        ]
        assert due == [3, 6]


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
        self, engine: Host, wrong: dict[str, Any], reason: str
    ) -> None:
        store = Store()
        incoming = message(order(1), **wrong)
        (sent,) = engine.process(incoming, store)
        ((topic, (letter,)),) = told([sent])
        assert (topic, sent.key) == ("dead-letters", b"orders")
        assert (letter.reason, letter.payload) == (reason, incoming.value or b"")
        assert (letter.topic, letter.partition, letter.offset) == ("orders", incoming.partition, 41)
        assert letter.event_time == 1_700_000_000_123_000
        assert store == {}

    def test_of_a_bad_item_leaves_the_others_in_force(self, engine: Host, store: Store) -> None:
        good = encode(ORDERS, "ACME", [order(1)], OPEN)
        mixed = good.replace(b'"items":[', b'"items":[17,')
        messages = told(engine.process(message(order(1), value=mixed), store))
        assert [topic for topic, _ in messages] == ["dead-letters", "order-events", "prices"]
        assert messages[0][1][0].payload == b"17"

    def test_letters_too_many_for_one_message_are_split(self, engine: Host, store: Store) -> None:
        item = '"' + "x" * 200_000 + '"'
        value = f'{{"symbol":"ACME","items":[{",".join([item] * 4)}]}}'.encode()
        messages = told(engine.process(message(value=value), store))
        assert [(topic, len(items)) for topic, items in messages] == [("dead-letters", 2), ("dead-letters", 2)]


class TestRebuild:
    @pytest.fixture
    def stream(self) -> list[Incoming]:
        messages = [message(*opening())]
        for number in range(1, 60):
            at = OPEN + number * 11_000_000
            side = "buy" if number % 3 else "sell"
            commands: list[AnyCommand] = [order(number, side, at)]
            if number % 5 == 0:
                commands.append(CancelOrder(order_id=number - 1, trader_id=1, symbol="ACME", event_time=at))
            if number % 4 == 0:
                commands.append(Clock(symbol="ACME", event_time=at))
            messages.append(message(*commands))
        return messages

    @pytest.mark.parametrize(("log_messages", "slot_bytes"), [(0, 8_000), (1, 8_000), (7, 500), (500, 0), (500, 8_000)])
    def test_after_any_message_a_new_process_goes_on_where_the_old_one_stopped(
        self, stream: list[Incoming], monkeypatch: pytest.MonkeyPatch, log_messages: int, slot_bytes: int
    ) -> None:
        monkeypatch.setattr(host, "LOG_MESSAGES", log_messages)
        monkeypatch.setattr(host, "SLOT_BYTES", slot_bytes)
        store, pace = Store(), Pace(commands=13, minutes=2)
        engine = Host(PARTITIONS, pace)
        expected = [engine.process(incoming, store) for incoming in stream]
        for cut in range(len(stream)):
            store = Store()
            old = Host(PARTITIONS, pace)
            for incoming in stream[:cut]:
                old.process(incoming, store)
            new = Host(PARTITIONS, pace)
            assert [new.process(incoming, store) for incoming in stream[cut:]] == expected[cut:]

    def test_a_book_that_ran_ahead_of_an_aborted_transaction_is_thrown_away(self, stream: list[Incoming]) -> None:
        store, engine = Store(), Host(PARTITIONS, Pace())
        for incoming in stream[:20]:
            engine.process(incoming, store)
        committed = copy.copy(store)
        first = [engine.process(incoming, store) for incoming in stream[20:30]]
        assert [engine.process(incoming, committed) for incoming in stream[20:30]] == first
        assert engine.counts.rebuilds == 1

    def test_values_stay_below_the_largest_kafka_message(self, monkeypatch: pytest.MonkeyPatch) -> None:
        store, engine = Store(), Host(PARTITIONS, Pace())
        engine.process(message(*opening()), store)
        for start in range(1, 20_000, 1_000):
            engine.process(message(*[order(number) for number in range(start, start + 1_000)]), store)
        huge = message(*[order(number, quantity=1) for number in range(20_001, 25_000)])
        assert len(huge.value or b"") > PART_BYTES
        expected = engine.process(huge, store)
        assert max(map(len, store.values())) <= PART_BYTES
        position, snapshot, log = Journal(store).read()
        assert snapshot is not None
        assert len(snapshot) > PART_BYTES
        assert (position, log) == (Journal(store).position(), [])
        after = message(order(30_000, "sell"))
        assert Host(PARTITIONS, Pace()).process(after, copy.copy(store)) == engine.process(after, store)
        assert expected


def test_two_symbols_do_not_mix(engine: Host, store: Store) -> None:
    other = Store()
    engine.process(message(*opening("BLUE"), symbol="BLUE"), other)
    engine.process(message(order(1, "sell")), store)
    messages = told(engine.process(message(order(1, symbol="BLUE"), symbol="BLUE"), other))
    assert [topic for topic, _ in messages] == ["order-events", "prices"]
