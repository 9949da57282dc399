"""A person's orders: what the ticket says, what is set aside before it is sent, and what is told of the answer."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, get_args

import msgspec
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from simulators import desk as desks
from simulators import order_command, person
from simulators.answers import Answer
from simulators.feed import Envelope, Heard
from simulators.order_command import answer_table
from simulators.person import Memory, RefusedError, Teller
from simulators.risk import Account
from simulators.ticket import Ticket
from simulators.traders import first_order_id
from stack.cli import app
from stack.commands.trade import SelfTradePrevention, TimeInForce, _moment
from streaming.contracts import commands, events
from streaming.contracts.commands import AnyCommand, CancelAll, CancelOrder, NewOrder, ReplaceOrder
from streaming.contracts.events import (
    Accepted,
    Cancelled,
    MarketStatus,
    MassCancelled,
    Rejected,
    Replaced,
    Trade,
    Triggered,
)
from streaming.contracts.settings import Settings
from streaming.contracts.topics import MARKET_STATUS, ORDER_EVENTS, ORDERS, TRADES

ME, OTHER = 1, 1001
CASH, SHARES = 10_000_000, 50
NOW = 1_795_446_000_000_000
DATE = dt.date(2026, 11, 23)
FIRST = first_order_id(ME, DATE) + 1
UPPER = 120_000


def status(session: str = "continuous", sequence: int = 1, **more: Any) -> MarketStatus:
    collar = {"reference_price": 100_000, "lower_price": 80_000, "upper_price": UPPER} if session != "closed" else {}
    fields: dict[str, Any] = {"session": session, "trading_date": str(DATE), "event_time": NOW, **collar, **more}
    return MarketStatus(sequence=sequence, symbol="ACME", **fields)


def heard(topic: Any, *items: Any, time: int = NOW) -> Heard:
    return Heard(topic.name, 0, 0, 0, Envelope("ACME", time, list(items)))


class Exchange:
    """Both ends of Kafka: takes what is sent, and says what the test has prepared."""

    def __init__(self) -> None:
        self.sent: list[AnyCommand] = []
        self.answers: list[list[Heard]] = []
        self.before: dict[str, list[Heard]] = {MARKET_STATUS.name: [heard(MARKET_STATUS, status())]}
        self.assigned: list[str] = []
        self.since_asked: list[int] = []
        self.caught_up = False

    def begin(self, topic: Any) -> list[Any]:
        return [SimpleNamespace(topic=topic.name, partition=0, offset=0)]

    def since(self, topic: Any, timestamp: int) -> list[Any]:
        self.since_asked.append(timestamp)
        return self.begin(topic)

    end = tail = begin

    def read_to_end(self, starts: list[Any]) -> Iterator[Heard]:
        for start in starts:
            yield from self.before.get(start.topic, [])

    def assign(self, starts: list[Any]) -> None:
        self.assigned = [start.topic for start in starts]

    def read(self, _seconds: float) -> Iterator[Heard]:
        if not self.caught_up:
            self.caught_up = True
            for topic in self.assigned:
                yield from self.before.get(topic, [])
        elif self.answers and self.sent:
            yield from self.answers.pop(0)

    def close(self) -> None:
        pass

    def produce(self, topic: str, *, key: str, value: bytes) -> None:
        assert topic == ORDERS.name
        envelope = msgspec.json.decode(value, type=Envelope[AnyCommand])
        assert key == envelope.symbol == "ACME"
        self.sent += envelope.items

    def flush(self, _seconds: float) -> int:
        return 0


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Exchange:
    made = Exchange()
    monkeypatch.setattr(desks, "Feed", lambda *_: made)
    monkeypatch.setattr(person, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(person, "PATIENCE", 0.0)
    return made


def opened(exchange: Exchange, open_since: int = 0) -> tuple[Teller, Account]:
    account = Account(CASH, {"ACME": SHARES})
    desk = desks.Desk(Settings(), ({ME: account}, {}), "test", open_since)
    desk.catch_up()
    return Teller(desk, exchange, ME), account  # type: ignore[arg-type]


def accepted(order_id: int, quantity: int, price: int | None = None, **more: Any) -> Accepted:
    return Accepted(
        sequence=2, order_id=order_id, trader_id=ME, symbol="ACME", side="buy",
        order_type="market" if price is None else "limit", time_in_force="day", price=price, quantity=quantity,
        event_time=NOW, **more,
    )  # fmt: skip


def replaced(quantity: int, price: int, order_id: int = FIRST, reason: Any = None, time: int = NOW) -> Replaced:
    return Replaced(
        sequence=5, order_id=order_id, trader_id=ME, symbol="ACME", price=price, quantity=quantity, reason=reason,
        event_time=time,
    )  # fmt: skip


def rejected(reason: Any, order_id: int | None = FIRST) -> Rejected:
    return Rejected(sequence=9, order_id=order_id, trader_id=ME, symbol="ACME", reason=reason, event_time=NOW)


def cancelled(quantity: int, reason: Any = "requested", order_id: int = FIRST) -> Cancelled:
    return Cancelled(
        sequence=8, order_id=order_id, trader_id=ME, symbol="ACME", quantity=quantity, reason=reason, event_time=NOW
    )


def bought(quantity: int, price: int, order_id: int = FIRST, auction: bool = False) -> Trade:
    orders = {"buy_order_id": order_id, "sell_order_id": 7} if auction else {"taker_order_id": order_id}
    return Trade(
        sequence=4, trade_id="ACME-4", symbol="ACME", price=price, quantity=quantity, buyer_id=ME, seller_id=OTHER,
        aggressor_side="none" if auction else "buy", event_time=NOW, **orders,
        **({} if auction else {"maker_order_id": 7}),
    )  # fmt: skip


def ticket(quantity: int = 10, limit: int | None = 100_000, **more: Any) -> Ticket:
    return Ticket("ACME", more.pop("side", "buy"), quantity, limit, **more)


# The ticket


@pytest.mark.parametrize(
    ("limit", "stop", "kind"),
    [(1, None, "limit"), (None, None, "market"), (None, 2, "stop"), (1, 2, "stop_limit")],
)
def test_limit_and_stop_price_make_the_order_type(limit: int | None, stop: int | None, kind: str) -> None:
    order = ticket(limit=limit, stop=stop).command(5, ME, str(DATE), NOW)
    assert (order.order_type, order.price, order.stop_price) == (kind, limit, stop)


def test_every_field_of_the_ticket_is_sent() -> None:
    wish = ticket(
        display=3, post_only=True, time_in_force="gtd", expire=dt.time(15, 30), self_trade_prevention="cancel_both"
    )
    order = wish.command(5, ME, str(DATE), NOW)
    assert (order.order_id, order.trader_id, order.side, order.quantity, order.event_time) == (5, ME, "buy", 10, NOW)
    assert (order.display_quantity, order.post_only, order.self_trade_prevention) == (3, True, "cancel_both")
    assert order.time_in_force == "gtd"
    moment = dt.datetime(2026, 11, 23, 20, 30, tzinfo=dt.UTC)  # New York is five hours behind
    assert order.expire_time == int(moment.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("expire", "utc"),
    [
        (dt.datetime(2026, 7, 1, 15, 30), dt.datetime(2026, 7, 1, 19, 30, tzinfo=dt.UTC)),
        (dt.datetime(2026, 7, 1, 15, 30, tzinfo=dt.UTC), dt.datetime(2026, 7, 1, 15, 30, tzinfo=dt.UTC)),
    ],
)
def test_a_moment_without_a_zone_is_new_yorks(expire: dt.datetime, utc: dt.datetime) -> None:
    assert ticket(expire=expire).expire_time("2026-11-23") == int(utc.timestamp()) * 1_000_000


@pytest.mark.parametrize("time_in_force", get_args(events.TimeInForce))
def test_only_a_buy_without_a_limit_must_not_last_for_days(time_in_force: str) -> None:
    lasting = time_in_force in ("gtc", "gtd")
    assert (ticket(limit=None, stop=110_000, time_in_force=time_in_force).refusal() is not None) is lasting
    assert ticket(limit=None, side="sell", time_in_force=time_in_force).refusal() is None
    assert ticket(stop=110_000, time_in_force=time_in_force).refusal() is None


# What is set aside


@pytest.mark.parametrize(
    ("wish", "unit"),
    [
        (ticket(10, 99_000), 99_000),
        (ticket(10, None), UPPER),
        (ticket(10, None, stop=105_000), UPPER),  # it will buy at the market, once its price has come
        (ticket(10, 106_000, stop=105_000), 106_000),
        (ticket(10, 99_000, display=1), 99_000),  # also what nobody sees has to be paid
    ],
)
def test_a_buy_sets_its_dearest_cost_aside(exchange: Exchange, wish: Ticket, unit: int) -> None:
    teller, account = opened(exchange)
    exchange.answers = [[heard(ORDER_EVENTS, accepted(FIRST, 10, wish.limit))]]
    answer = teller.new(wish)
    assert answer.open == 10
    assert account.reserved_cash == 10 * unit


def test_what_cannot_be_paid_is_not_sent(exchange: Exchange) -> None:
    teller, account = opened(exchange)
    with pytest.raises(RefusedError, match=r"the order may cost \$1,200\.00, \$1,000\.00 is free"):
        teller.new(ticket(100, None))
    with pytest.raises(RefusedError, match="50 ACME are free, 51 are to be sold"):
        teller.new(ticket(51, side="sell"))
    with pytest.raises(RefusedError, match="without a limit it cannot be gtc"):
        teller.new(ticket(1, None, stop=1, time_in_force="gtc"))
    assert exchange.sent == []
    assert (account.reserved_cash, account.reserved_shares.get("ACME", 0)) == (0, 0)


def test_the_first_id_of_the_day_then_the_next(exchange: Exchange) -> None:
    teller, _ = opened(exchange)
    for number in range(2):
        exchange.answers = [[heard(ORDER_EVENTS, accepted(FIRST + number, 1, 100_000))]]
        assert teller.new(ticket(1)).order_id == FIRST + number


@pytest.mark.parametrize("session", ["pre_open", "opening_auction", "closing_auction"])
def test_orders_are_taken_while_they_gather_for_an_auction(exchange: Exchange, session: str) -> None:
    exchange.before[MARKET_STATUS.name] = [heard(MARKET_STATUS, status(session))]
    teller, account = opened(exchange)
    exchange.answers = [
        [
            heard(ORDER_EVENTS, accepted(FIRST, 10, 100_000)),
            heard(TRADES, bought(4, 95_000, auction=True), time=NOW + 1),
        ]
    ]
    answer = teller.new(ticket())
    assert (answer.open, [trade.quantity for trade in answer.trades]) == (6, [4])
    assert (account.cash, account.reserved_cash) == (CASH - 4 * 95_000, 6 * 100_000)


def test_a_halted_market_takes_orders_and_a_closed_one_does_not(exchange: Exchange) -> None:
    halted = status(sequence=2, halt="halted")
    exchange.before[MARKET_STATUS.name].append(heard(MARKET_STATUS, halted))
    teller, _ = opened(exchange)
    exchange.answers = [[heard(ORDER_EVENTS, accepted(FIRST, 10, 100_000))]]
    assert teller.new(ticket()).open == 10

    exchange.caught_up = False
    exchange.before[MARKET_STATUS.name].append(heard(MARKET_STATUS, status("closed", 3)))
    teller, _ = opened(exchange)
    with pytest.raises(RefusedError, match="ACME is closed; its last trading day was 2026-11-23"):
        teller.new(ticket())


def with_an_order(exchange: Exchange, quantity: int = 10, limit: int | None = 100_000) -> tuple[Teller, Account]:
    teller, account = opened(exchange)
    exchange.answers = [[heard(ORDER_EVENTS, accepted(FIRST, quantity, limit))]]
    teller.new(ticket(quantity, limit))
    exchange.sent.clear()
    return teller, account


def test_a_replacement_is_paid_for_before_it_is_sent_and_then_the_new_terms_hold(exchange: Exchange) -> None:
    teller, account = with_an_order(exchange)
    exchange.answers = [[heard(ORDER_EVENTS, replaced(20, 110_000))]]
    answer = teller.replace("ACME", FIRST, 20, 110_000)
    assert exchange.sent == [
        ReplaceOrder(order_id=FIRST, trader_id=ME, symbol="ACME", price=110_000, quantity=20, event_time=NOW)
    ]
    assert (answer.open, account.reserved_cash) == (20, 20 * 110_000)


def test_a_replacement_that_cannot_be_paid_is_not_sent(exchange: Exchange) -> None:
    teller, account = with_an_order(exchange)
    with pytest.raises(RefusedError, match=r"may cost \$1,000\.01, \$1,000\.00 is free"):
        teller.replace("ACME", FIRST, 10, 1_000_010)
    assert exchange.sent == []
    assert account.reserved_cash == 10 * 100_000


def test_a_replacement_keeps_what_is_not_named(exchange: Exchange) -> None:
    teller, account = with_an_order(exchange)
    exchange.answers = [[heard(TRADES, bought(3, 100_000)), heard(ORDER_EVENTS, replaced(10, 90_000))]]
    answer = teller.replace("ACME", FIRST, limit=90_000)
    assert exchange.sent == [
        ReplaceOrder(order_id=FIRST, trader_id=ME, symbol="ACME", price=90_000, quantity=10, event_time=NOW)
    ]
    assert answer.open == 7  # the total was ten, three of which have traded
    # What it still buys is cheaper, but trades from before may be on their way: until the market's time has passed.
    assert account.reserved_cash == 7 * 100_000
    teller._desk.hear(heard(TRADES, time=NOW + 1))
    assert account.reserved_cash == 7 * 90_000


def test_a_refused_replacement_leaves_the_order_as_it_was(exchange: Exchange) -> None:
    teller, account = with_an_order(exchange)
    exchange.answers = [[heard(ORDER_EVENTS, rejected("price_outside_collar"))]]
    answer = teller.replace("ACME", FIRST, 30, 121_000)
    assert (answer.rejected, answer.open, account.reserved_cash) == ("price_outside_collar", 10, 10 * 100_000)


def test_a_replacement_by_what_has_traded_takes_off_the_rest(exchange: Exchange) -> None:
    teller, account = with_an_order(exchange)
    exchange.answers = [[heard(TRADES, bought(4, 100_000)), heard(ORDER_EVENTS, cancelled(6))]]
    answer = teller.replace("ACME", FIRST, 4)
    assert (answer.open, account.reserved_cash) == (0, 0)


def test_only_an_open_order_is_replaced(exchange: Exchange) -> None:
    teller, _ = with_an_order(exchange)
    with pytest.raises(RefusedError, match="no open order 12 of trader 1 in ACME"):
        teller.replace("ACME", 12, 5)
    assert exchange.sent == []


def test_a_move_to_the_price_band_makes_the_order_cheaper(exchange: Exchange) -> None:
    teller, account = opened(exchange)
    moved = replaced(10, 95_000, reason="price_band")
    exchange.answers = [[heard(ORDER_EVENTS, accepted(FIRST, 10, 100_000), moved), heard(TRADES, time=NOW + 1)]]
    answer = teller.new(ticket())
    assert (answer.open, account.reserved_cash) == (10, 10 * 95_000)


def test_self_trade_prevention_may_take_a_part(exchange: Exchange) -> None:
    teller, account = opened(exchange)
    part = cancelled(4, "self_trade_prevention")
    exchange.answers = [[heard(ORDER_EVENTS, accepted(FIRST, 10, 100_000), part)]]
    answer = teller.new(ticket(self_trade_prevention="decrement_and_cancel"))
    assert (answer.open, account.reserved_cash) == (6, 6 * 100_000)


def test_all_orders_are_cancelled_at_once(exchange: Exchange) -> None:
    teller, account = with_an_order(exchange)
    done = MassCancelled(sequence=9, trader_id=ME, symbol="ACME", orders=1, event_time=NOW)
    exchange.answers = [[heard(ORDER_EVENTS, cancelled(10), done)]]
    answer = teller.cancel_all("ACME")
    assert exchange.sent == [CancelAll(trader_id=ME, symbol="ACME", event_time=NOW)]
    assert answer.said == [cancelled(10), done]
    assert (teller.idle, account.reserved_cash) == (True, 0)


# A new process


def test_the_next_process_knows_what_is_open_also_from_days_before(exchange: Exchange) -> None:
    days_ago = first_order_id(ME, DATE - dt.timedelta(days=4)) + 1
    lasting = ticket(10, 90_000, time_in_force="gtc").command(days_ago, ME, "2026-11-19", NOW)
    change = ReplaceOrder(order_id=days_ago, trader_id=ME, symbol="ACME", quantity=12, event_time=NOW)
    withdrawn = CancelOrder(order_id=days_ago, trader_id=ME, symbol="ACME", event_time=NOW)
    today = ticket(1).command(FIRST, ME, str(DATE), NOW)
    exchange.before[ORDERS.name] = [heard(ORDERS, lasting, change, withdrawn, today)]
    exchange.before[ORDER_EVENTS.name] = [
        heard(ORDER_EVENTS, accepted(days_ago, 10, 90_000)),
        heard(ORDER_EVENTS, replaced(12, 90_000, days_ago), rejected("invalid_event_time", days_ago)),
        heard(ORDER_EVENTS, accepted(FIRST, 1, 100_000), cancelled(1)),
    ]
    exchange.before[TRADES.name] = [heard(TRADES, bought(5, 90_000, days_ago), time=NOW + 1)]
    teller, account = opened(exchange)
    assert not teller.idle
    assert account.reserved_cash == 7 * 90_000
    assert account.cash == CASH - 5 * 90_000
    exchange.answers = [[heard(ORDER_EVENTS, accepted(FIRST + 1, 1, 100_000))]]
    assert teller.new(ticket(1)).order_id == FIRST + 1


def test_a_replacement_without_an_answer_yet_stays_promised(exchange: Exchange) -> None:
    order = ticket(10, 90_000).command(FIRST, ME, str(DATE), NOW)
    change = ReplaceOrder(order_id=FIRST, trader_id=ME, symbol="ACME", price=80_000, quantity=20, event_time=NOW)
    exchange.before[ORDERS.name] = [heard(ORDERS, order, change)]
    exchange.before[ORDER_EVENTS.name] = [heard(ORDER_EVENTS, accepted(FIRST, 10, 90_000))]
    _, account = opened(exchange)
    assert account.reserved_cash == 20 * 90_000


def test_what_is_long_over_is_not_read_again(exchange: Exchange) -> None:
    opened(exchange, open_since=77)
    assert set(exchange.since_asked) == {0}  # this day's orders are wanted in any case; Kafka's times are 0 here
    exchange.since_asked.clear()
    exchange.caught_up = False
    exchange.before[MARKET_STATUS.name] = [heard(MARKET_STATUS, status("closed"))]
    opened(exchange, open_since=77)
    assert set(exchange.since_asked) == {77}


def test_the_memory_of_when_nothing_was_open(tmp_path: Any) -> None:
    memory = Memory(tmp_path / "trader-1.json")
    assert memory.open_since() == 0
    memory.keep(123)
    assert Memory(tmp_path / "trader-1.json").open_since() == 123
    (tmp_path / "trader-1.json").write_text("no number")
    assert memory.open_since() == 0


# The answer


def new_order() -> NewOrder:
    return ticket().command(FIRST, ME, str(DATE), NOW)


def test_an_answer_is_told_apart_from_what_else_is_said() -> None:
    triggered = Triggered(sequence=3, order_id=FIRST, trader_id=ME, symbol="ACME", event_time=NOW)
    answer = Answer(new_order())
    assert not answer.take(accepted(FIRST + 1, 1))  # another order
    assert not answer.take(rejected("invalid_side", None))
    assert not answer.take(bought(1, 100_000, order_id=9))
    assert answer.take(accepted(FIRST, 10, 100_000))
    assert not answer.take(triggered)
    assert not answer.take(bought(1, 100_000))
    assert answer.said == [accepted(FIRST, 10, 100_000), triggered]
    assert len(answer.trades) == 1

    replacement = ReplaceOrder(order_id=FIRST, trader_id=ME, symbol="ACME", quantity=5, event_time=NOW)
    answer = Answer(replacement)
    assert not answer.take(replaced(10, 95_000, reason="price_band"))
    assert not answer.take(cancelled(1, "self_trade_prevention"))
    assert answer.take(replaced(5, 95_000))

    cancel = Answer(CancelOrder(order_id=FIRST, trader_id=ME, symbol="ACME", event_time=NOW))
    assert not cancel.take(accepted(FIRST, 10, 100_000))
    assert not cancel.take(rejected("price_outside_collar"))  # of a replacement that was sent before
    assert cancel.take(rejected("unknown_order"))

    whole = Answer(CancelAll(trader_id=ME, symbol="ACME", event_time=NOW))
    assert not whole.take(cancelled(3))
    assert not whole.take(rejected("unknown_order"))
    assert whole.take(rejected("invalid_event_time", None))


def test_the_table_tells_each_thing_in_its_line() -> None:
    answer = Answer(new_order())
    for item in (
        accepted(FIRST, 10, 100_000, stop_price=99_000),
        Triggered(sequence=3, order_id=FIRST, trader_id=ME, symbol="ACME", event_time=NOW),
        replaced(10, 95_000, reason="price_band"),
        bought(2, 94_000),
        cancelled(3, "self_trade_prevention"),
    ):
        answer.take(item)
    answer.open = 5
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(answer_table(answer))
    text = console.export_text()
    for words in (
        "accepted: buy, limit, day", "$10.0000, stop $9.9000", "triggered: the stop price has come",
        "moved to the price band", "traded ACME-4", "$18.8000", "cancelled: It would have traded with", "still open",
    ):  # fmt: skip
        assert words in text, words


# The command line


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []

    class Recorder:
        def __getattr__(self, name: str) -> Any:
            return lambda *arguments: made.append((name, *arguments))

    def ask(_settings: Any, _console: Any, trader: int, question: Any) -> int:
        made.append(trader)
        question(Recorder())
        return 0

    monkeypatch.setattr(order_command, "ask", ask)
    return made


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["order", *arguments], env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code in (0, 2), result.output
    return result.output if result.exit_code else ""


def test_every_option_of_a_new_order_is_on_the_ticket(asked: list[Any]) -> None:
    assert not run(
        "new", "acme", "sell", "100", "--limit", "101.5", "--stop", "101", "--display", "10", "--post-only",
        "--expire", "2026-11-24T15:30", "--stp", "cancel_oldest", "--trader", "2",
    )  # fmt: skip
    trader, (name, wish) = asked
    assert (trader, name) == (2, "new")
    assert wish == Ticket(
        symbol="ACME", side="sell", quantity=100, limit=1_015_000, stop=1_010_000, display=10, time_in_force="gtd",
        expire=dt.datetime(2026, 11, 24, 15, 30), post_only=True, self_trade_prevention="cancel_oldest",
    )  # fmt: skip


def test_an_order_is_for_the_day_unless_it_says_otherwise(asked: list[Any]) -> None:
    run("new", "ACME", "buy", "1")
    run("new", "ACME", "buy", "1", "--tif", "fok")
    assert [call[1].time_in_force for call in asked[1::2]] == ["day", "fok"]


def test_the_other_commands_ask_the_teller(asked: list[Any]) -> None:
    run("replace", "acme", "7", "--quantity", "5", "--stop", "99.5")
    run("cancel", "acme", "7")
    run("cancel-all", "acme")
    assert asked[1::2] == [("replace", "ACME", 7, 5, None, 995_000), ("cancel", "ACME", 7), ("cancel_all", "ACME")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["new", "ACME", "buy", "1", "--tif", "gtd"], "a gtd order needs it"),
        (["new", "ACME", "buy", "1", "--tif", "ioc", "--expire", "15:30"], "is gtd, not ioc"),
        (["new", "ACME", "buy", "1", "--expire", "soon"], "is no time"),
        (["new", "ACME", "buy", "1", "--stop", "0"], "not above zero"),
        (["new", "ACME", "buy", "0"], "greater than or equal to 1"),
        (["replace", "ACME", "7"], "nothing to change"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_asked(
    asked: list[Any], arguments: list[str], words: str
) -> None:
    assert words in " ".join(run(*arguments).split())
    assert asked == []


def test_the_choices_are_those_of_the_contract() -> None:
    assert {item.value for item in TimeInForce} == set(get_args(events.TimeInForce))
    assert {item.value for item in SelfTradePrevention} == set(get_args(commands.SelfTradePrevention))


def test_a_time_is_one_of_the_day_or_a_moment() -> None:
    assert _moment("15:30") == dt.time(15, 30)
    assert _moment("2026-11-24 15:30") == dt.datetime(2026, 11, 24, 15, 30)
    with pytest.raises(typer.BadParameter):
        _moment("noon")
