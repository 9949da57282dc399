"""Whatever is ordered, changed, traded, cancelled and refused, however the topics come between: nobody overspends."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulators.risk import Account, Change, Ledger, OpenOrder, RiskError
from simulators.ticket import Ticket
from streaming.contracts.commands import (
    AnyCommand,
    CancelAll,
    CancelOrder,
    Clock,
    DeclareAction,
    DefineInstrument,
    Halt,
    NewOrder,
    ReplaceOrder,
    Resume,
    SetSession,
)
from streaming.contracts.events import (
    Accepted,
    BookEvent,
    Cancelled,
    CorporateAction,
    Expired,
    MarketStatus,
    Rejected,
    Replaced,
    Trade,
)
from streaming.matching.exchange import Exchange
from streaming.settlement import books

TRADERS = (1, 2, 3)
SYMBOLS = ("ACME", "BLUE")
CASH, SHARES = 60_000_000, 60
SECOND = 1_000_000
REFERENCE = 1_000_000
ACTIONS: list[dict[str, Any]] = [
    {"kind": "cash_dividend", "amount": 12_345},
    {"kind": "split", "numerator": 3, "denominator": 2},
    {},
    {"kind": "split", "numerator": 1, "denominator": 7},
]
"""What follows the close of a day, day after day."""
DAY = ("pre_open", "opening_auction", "continuous", "closing_auction", "closed")


def opened() -> Exchange:
    exchange = Exchange()
    for symbol in SYMBOLS:
        exchange.apply(
            DefineInstrument(
                symbol=symbol, tick_size=100, lot_size=1, max_quantity=30, collar_bps=1_000, luld_tier=1, event_time=1
            )
        )
    return exchange


def new_ledger() -> Ledger:
    return Ledger({trader: Account(CASH, dict.fromkeys(SYMBOLS, SHARES)) for trader in TRADERS})


def check(ledger: Ledger) -> None:
    for account in ledger.accounts.values():
        assert account.free_cash() >= 0
        assert account.reserved_cash >= 0
        assert all(account.free_shares(symbol) >= 0 for symbol in SYMBOLS)
        assert all(reserved >= 0 for reserved in account.reserved_shares.values())


@dataclass
class Rig:
    """A broker before a real exchange, whose topics are heard late, each in its own order."""

    exchange: Exchange = field(default_factory=opened)
    ledger: Ledger = field(default_factory=new_ledger)
    now: int = 10
    days: int = 0
    session: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SYMBOLS, 4))
    date: dict[str, str] = field(default_factory=dict)
    upper: dict[str, int] = field(default_factory=dict)
    unheard: dict[tuple[str, str], deque[tuple[int, list[BookEvent]]]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    told: list[tuple[AnyCommand, list[BookEvent]]] = field(default_factory=list)

    def send(self, command: AnyCommand) -> list[BookEvent]:
        events = self.exchange.apply(command)
        self.told.append((command, events))
        for status in (event for event in events if isinstance(event, MarketStatus)):
            self.ledger.apply(status)  # at once: what an order may cost is known before it is sent
            self.upper[status.symbol] = status.upper_price or self.upper.get(status.symbol, 0)
        for topic, kinds in (
            ("trades", Trade | CorporateAction),
            ("order-events", Accepted | Rejected | Replaced | Cancelled | Expired),
        ):
            items = [event for event in events if isinstance(event, kinds)]
            time = max([self.exchange.markets[command.symbol].now, *(item.event_time for item in items)])
            self.unheard[command.symbol, topic].append((time, items))
        return events

    def hear(self, random: Random, count: int) -> None:
        for _ in range(count):
            waiting = [key for key, messages in self.unheard.items() if messages]
            if not waiting:
                return
            key = random.choice(waiting)
            listen(self.ledger, *key, *self.unheard[key].popleft())

    def turn(self, number: int, chance: Random) -> None:
        symbol, what = chance.choice(SYMBOLS), chance.random()
        known = list(self.ledger.orders.values())
        if what < 0.6 or not known:
            self.new(number, chance.choice(TRADERS), some_ticket(symbol, chance))
        elif what < 0.75:
            self.replace(chance.choice(known), some_price(chance), chance.randint(1, 40))
        elif what < 0.85:
            order = chance.choice(known)
            order_id = order.order_id if chance.random() < 0.8 else chance.randint(1, number - 1)
            if order_id == order.order_id:
                self.ledger.ask(order, None)
            elif order_id in self.ledger.orders:
                return
            self.send(
                CancelOrder(order_id=order_id, trader_id=order.trader_id, symbol=order.symbol, event_time=self.now)
            )
        elif what < 0.9:
            self.begin(symbol)
        else:
            kind = chance.choice([Halt, Resume, Clock, Clock, CancelAll])
            more = {"trader_id": chance.choice(TRADERS)} if kind is CancelAll else {}
            self.send(kind(symbol=symbol, event_time=self.now, **more))

    def begin(self, symbol: str) -> None:
        place = self.session[symbol] = (self.session[symbol] + 1) % len(DAY)
        if place == 0:
            self.days += 1
            self.date[symbol] = f"2026-11-{self.days % 28 + 1:02}"
        reference = REFERENCE + 5_000 * (self.days % 7) if place == 0 else None
        self.send(
            SetSession(
                symbol=symbol,
                session=DAY[place],
                trading_date=self.date[symbol],
                reference_price=reference,
                event_time=self.now,
            )
        )

        if DAY[place] == "closed" and (terms := ACTIONS[self.days % len(ACTIONS)]):
            self.now += SECOND  # nothing else happens in the moment of an action
            name, ex_date = f"a{self.days}", "2026-12-01"
            self.send(DeclareAction(action_id=name, symbol=symbol, ex_date=ex_date, event_time=self.now, **terms))
            self.now += SECOND
            # Nobody orders again before hearing what their shares have become.
            trades = self.unheard[symbol, "trades"]
            while trades:
                listen(self.ledger, symbol, "trades", *trades.popleft())

    def new(self, number: int, trader: int, ticket: Ticket) -> None:
        symbol, side = ticket.symbol, ticket.side
        if ticket.refusal():
            return
        unit_price, limited = ticket.unit_price(self.upper[symbol]), ticket.limit is not None
        order = OpenOrder(number, trader, symbol, side, unit_price, ticket.quantity, self.now, limited)
        if ticket.quantity > self.ledger.affordable(trader, symbol, side, unit_price):
            with pytest.raises(RiskError, match="needs"):
                self.ledger.reserve(order)
            return
        self.ledger.reserve(order)
        self.send(ticket.command(number, trader, self.date[symbol], self.now))

    def replace(self, order: OpenOrder, price: int | None, total: int) -> None:
        change = Change(total, price)
        try:
            self.ledger.reserve_change(order, change)
        except RiskError:
            return
        self.send(
            ReplaceOrder(
                order_id=order.order_id,
                trader_id=order.trader_id,
                symbol=order.symbol,
                price=price,
                quantity=total,
                event_time=self.now,
            )
        )


def listen(ledger: Ledger, symbol: str, topic: str, time: int, items: list[BookEvent], *, checked: bool = True) -> None:
    """Take in a message, as the desk does."""
    for item in items:
        if isinstance(item, CorporateAction):
            ledger.act(item)
        elif isinstance(item, Trade):
            ledger.fill(item)
            ledger.post(item, check=checked)
        else:
            ledger.apply(item)
    if topic == "trades":
        ledger.trades_heard(symbol, time)


def left(ledger: Ledger) -> dict[int, int]:
    return {order.order_id: order.left for order in ledger.orders.values()}


def some_price(chance: Random) -> int | None:
    """None for half of them; mostly near the reference, some beyond the collar."""
    if chance.random() < 0.5:
        return None
    return REFERENCE + 100 * round(chance.gauss(0, 300))


def some_ticket(symbol: str, chance: Random) -> Ticket:
    limit = some_price(chance)
    return Ticket(
        symbol=symbol,
        side=chance.choice(["buy", "sell"]),
        quantity=min(1 + int(chance.expovariate(0.15)), 35),
        limit=limit if limit or chance.random() < 0.3 else REFERENCE + 100 * chance.randint(-20, 20),
        stop=some_price(chance) if chance.random() < 0.2 else None,
        display=chance.choice([None, None, 1, 3]) if limit else None,
        time_in_force=chance.choice(["day", "day", "day", "gtc", "ioc", "fok", "at_the_open", "at_the_close"]),
        post_only=chance.random() < 0.05,
        self_trade_prevention=chance.choice(
            [None, "none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement_and_cancel"]
        ),
    )


@settings(deadline=None)  # each example is 150 turns
@given(st.integers(0, 2**32))
@example(42009)  # a reverse split, and an order right after it
def test_balances_never_fall_below_zero_and_everything_is_released(seed: int) -> None:
    rig, random = Rig(), Random(seed)
    for symbol in SYMBOLS:
        for _ in range(random.choice([1, 2, 3, 3, 3])):
            rig.begin(symbol)
    for number in range(1, 150):
        rig.now += random.choice([0, SECOND, 20 * SECOND, 100 * SECOND])
        rig.turn(number, random)
        rig.hear(random, random.randrange(6))
        check(rig.ledger)
    for symbol in SYMBOLS:
        rig.send(Clock(symbol=symbol, event_time=rig.now))
    rig.hear(random, 10**6)
    check(rig.ledger)
    assert holdings(rig.ledger) == settled(rig)

    again = restarted(rig, random)
    assert left(again) == left(rig.ledger)
    assert holdings(again) == settled(rig)
    again.check()

    # What the exchange takes off is what the broker took to be open, and then nothing is promised.
    expected, taken = left(rig.ledger), {}
    for symbol in SYMBOLS:
        for trader in TRADERS:
            for event in rig.send(CancelAll(trader_id=trader, symbol=symbol, event_time=rig.now)):
                if isinstance(event, Cancelled):
                    taken[event.order_id] = event.quantity
    assert taken == expected
    rig.hear(random, 10**6)
    assert not rig.ledger.orders
    for account in rig.ledger.accounts.values():
        assert account.reserved_cash == 0
        assert not any(account.reserved_shares.values())


def holdings(ledger: Ledger) -> dict[int, dict[str, int]]:
    return {trader: {"USD": account.cash, **account.shares} for trader, account in ledger.accounts.items()}


def settled(rig: Rig) -> dict[int, dict[str, int]]:
    """The same as settlement's books have it."""
    kept, journal = books.Books(SYMBOLS, TRADERS), books.Journal()
    for trader in TRADERS:
        for asset, amount in (("USD", CASH), *((symbol, SHARES) for symbol in SYMBOLS)):
            kept.endow(trader, asset, amount, 0, journal)
    items = [event for _, events in rig.told for event in events if isinstance(event, Trade | CorporateAction)]
    kept.settle(items, lambda _: {})
    return {trader: {asset: kept.balance(trader, asset) for asset in ("USD", *SYMBOLS)} for trader in TRADERS}


def restarted(rig: Rig, random: Random) -> Ledger:
    """A broker that was killed: it reads what was sent, and then what was answered."""
    ledger = new_ledger()
    for command, _ in rig.told:
        if isinstance(command, NewOrder):
            upper = rig.upper[command.symbol]
            ledger.restore(
                OpenOrder(
                    command.order_id,
                    command.trader_id,
                    command.symbol,
                    command.side,  # type: ignore[arg-type]
                    command.price or upper,
                    command.quantity,
                    command.event_time,
                    command.price is not None,
                )
            )
        elif isinstance(command, ReplaceOrder | CancelOrder) and command.order_id in ledger.orders:
            change = Change(command.quantity, command.price) if isinstance(command, ReplaceOrder) else None
            ledger.ask(ledger.orders[command.order_id], change)
    unheard: dict[tuple[str, str], deque[tuple[int, list[BookEvent]]]] = defaultdict(deque)
    for command, events in rig.told:
        trades = [event for event in events if isinstance(event, Trade | CorporateAction)]
        unheard[command.symbol, "trades"].append((max((t.event_time for t in trades), default=0), trades))
        others = [event for event in events if not isinstance(event, Trade | CorporateAction | MarketStatus)]
        unheard[command.symbol, "order-events"].append((0, others))
    while waiting := [key for key, messages in unheard.items() if messages]:
        key = random.choice(waiting)
        listen(ledger, *key, *unheard[key].popleft(), checked=False)
    for symbol in SYMBOLS:
        ledger.trades_heard(symbol, rig.now + 1)
    return ledger


def buy(ledger: Ledger, quantity: int = 10) -> Account:
    ledger.reserve(OpenOrder(1, 1, "ACME", "buy", 1_000_000, quantity, 0))
    return ledger.accounts[1]


def test_a_fill_at_a_better_price_releases_the_difference() -> None:
    ledger = new_ledger()
    account = buy(ledger)
    ledger.apply(trade(price=990_000, quantity=4))
    assert account.cash == CASH - 4 * 990_000
    assert account.reserved_cash == 6 * 1_000_000


@pytest.mark.parametrize("reason", ["market_closed", "price_outside_collar"])
def test_a_rejection_releases_all(reason: Any) -> None:
    ledger = new_ledger()
    account = buy(ledger)
    ledger.apply(Rejected(order_id=1, trader_id=1, symbol="ACME", reason=reason, event_time=1))
    assert account.free_cash() == CASH


def test_a_cancel_that_came_too_late_releases_nothing() -> None:
    ledger = new_ledger()
    account = buy(ledger)
    ledger.apply(Rejected(order_id=1, trader_id=1, symbol="ACME", reason="unknown_order", event_time=1))
    assert account.reserved_cash == 10_000_000


@pytest.mark.parametrize("event", [Cancelled, Expired])
def test_what_is_cancelled_or_expires_is_released(event: Any) -> None:
    ledger = new_ledger()
    account = buy(ledger)
    more = {"reason": "requested"} if event is Cancelled else {}
    ledger.apply(event(sequence=1, order_id=1, trader_id=1, symbol="ACME", quantity=10, event_time=1, **more))
    assert account.free_cash() == CASH
    assert not ledger.orders


def test_more_than_an_order_had_left_is_an_error() -> None:
    ledger = new_ledger()
    buy(ledger, 3)
    with pytest.raises(RiskError, match="has 3 shares left, not 4"):
        ledger.apply(trade(price=990_000, quantity=4))


def test_a_trade_that_somebody_cannot_pay_is_an_error() -> None:
    with pytest.raises(RiskError, match="below zero"):
        new_ledger().apply(trade(price=CASH + 1, quantity=1))


def test_an_order_id_is_reserved_for_once() -> None:
    ledger = new_ledger()
    buy(ledger)
    with pytest.raises(RiskError, match="already open"):
        buy(ledger)


def trade(price: int, quantity: int) -> Trade:
    return Trade(
        sequence=2,
        trade_id="ACME-2",
        symbol="ACME",
        price=price,
        quantity=quantity,
        maker_order_id=9,
        taker_order_id=1,
        buyer_id=1,
        seller_id=3,
        aggressor_side="buy",
        event_time=1,
    )
