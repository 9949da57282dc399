"""The market against the slow and obvious one of `tests/reference/`, and the laws that hold whatever is sent.

TICKHOUSE_QUALIFY_EXAMPLES sets how many examples each test tries.
"""

from __future__ import annotations

import os
from collections import defaultdict
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from streaming.contracts.codec import decode_command, encode_line
from streaming.contracts.commands import (
    AnyCommand,
    CancelAll,
    CancelOrder,
    Clock,
    DeclareAction,
    DefineInstrument,
    DefineTrader,
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
    Replaced,
    RestingOrder,
    Trade,
    Triggered,
)
from streaming.contracts.money import MAX_INT64
from streaming.matching.exchange import Exchange, SymbolMarket
from tests.reference.market import ReferenceMarket

EXAMPLES = int(os.environ.get("TICKHOUSE_QUALIFY_EXAMPLES", "150"))
THOROUGH = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
START = 1_767_364_200_000_000
SECOND = 1_000_000
TRADERS = st.integers(1, 3)
MODES = ("none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement_and_cancel")
Fields = dict[str, Any]

# What commands are made of. Prices are in ticks here, times in seconds after the command before, so that orders meet.
# Few draws and long lists to draw from: most of the time goes into drawing.

TICKS = st.integers(96, 104)
LOTS = st.integers(1, 30)
STEPS = st.sampled_from([0] * 12 + [1, 1, 1, 1, 2, 2, 5, 0.25, 16, 31, -3, 1_201])
STEP_ONLY = st.fixed_dictionaries({"step": STEPS})
STRANGE_PRICES: list[Fields] = [{"price": price} for price in (None, 0, -100, 10_050, 10_033, 2**63, 1_000_000)]
STRANGE_QUANTITIES: list[Fields] = [{"quantity": quantity} for quantity in (0, -5, 7, 100_000, 2**63)]
STRANGE: list[Fields] = [
    *STRANGE_PRICES,
    *STRANGE_QUANTITIES,
    {"side": "short"},
    *({"order_type": kind} for kind in ("limit", "market", "stop", "stop_limit", "pegged")),
    *({"time_in_force": force} for force in ("forever", "gtd", "ioc", "fok", "at_the_open", "at_the_close")),
    *({"stop_price": price} for price in (None, 0, 10_050, 10_000)),
    *({"display_quantity": quantity} for quantity in (0, 3, 10**6)),
    *({"expire_time": time} for time in (0, START, START + 10 * SECOND, 4_102_444_800_000_001)),
    {"post_only": True},
    {"self_trade_prevention": "never"},
    *({"order_id": number} for number in (1, 5, 9)),
]
"""One field that may be wrong."""
EXTRAS: list[Fields] = [
    *[{}] * 150,
    *({"display_lots": lots} for lots in (1, 2, 3, 5, 10) * 4),
    *({"post_only": True} for _ in range(10)),
    *({"mode": mode} for mode in MODES * 6),
    *({"mode": mode, "display_lots": lots} for mode in MODES for lots in (1, 4)),
    *({"strange": strange} for strange in STRANGE),
]


def orders(*kinds: str) -> st.SearchStrategy[Fields]:
    """Each kind is an order type and its times in force; `gtd` orders last that many seconds."""
    pairs = [(words[0], force) for words in map(str.split, kinds) for force in words[1:]]
    return st.fixed_dictionaries(
        {
            "trader_id": TRADERS,
            "side": st.sampled_from(["buy", "sell"]),
            "kind": st.sampled_from(pairs),
            "ticks": TICKS,
            "lots": LOTS,
            "extra": st.sampled_from(EXTRAS),
            "step": STEPS,
        }
    )


LIMITS = orders("limit gtc gtc gtc gtc gtc day gtd:1 gtd:5 gtd:60 ioc fok")
TAKERS = orders("market gtc day ioc fok gtd:10", "limit ioc fok")
STOPS = orders("stop gtc day gtd:10 ioc fok", "stop_limit gtc gtc day gtd:30 ioc")
AUCTIONED = orders("limit at_the_open at_the_close", "market at_the_open at_the_close")
CANCELS = st.fixed_dictionaries({"which": st.integers(0, 8), "step": STEPS})
REPLACES = st.fixed_dictionaries(
    {
        "which": st.integers(0, 8),
        "ticks": st.none() | TICKS,
        "stop_ticks": st.sampled_from([None] * 12 + [97, 99, 101, 103]),
        "lots": LOTS,
        "strange": st.sampled_from([{}] * 100 + STRANGE_PRICES + STRANGE_QUANTITIES),
        "step": STEPS,
    }
)
TRADER_STEPS = st.fixed_dictionaries({"trader_id": TRADERS, "mode": st.sampled_from(MODES), "step": STEPS})
CLOCKS = st.fixed_dictionaries({"step": st.sampled_from([0, 1, 2, 5, 15, 16, 29, 30, 31, 60, 120, 301, 600, 1_500])})
SESSIONS = st.fixed_dictionaries(
    {
        "session": st.sampled_from(
            ["continuous"] * 6
            + ["pre_open", "pre_open", "opening_auction", "closing_auction", "closing_auction", "closed"]
        ),
        "trading_date": st.sampled_from(["2026-01-02"] * 4 + ["2026-01-05"]),
        "reference_ticks": st.sampled_from([None, None, None, 99, 100, 101.5]),
        "closes_in": st.sampled_from([None, None, None, 1_501, 1_510, 1_560, 60]),
        "step": st.sampled_from([0, 1, 5, 60]),
    }
)
ACTIONS = st.fixed_dictionaries(
    {
        "terms": st.sampled_from(
            [("split", up, down, None) for up, down in ((2, 1), (3, 2), (1, 10), (7, 3), (2, 2), (None, 1))]
            + [("cash_dividend", None, None, amount) for amount in (1, 50, 149, 2_000, 9_800, 10**6)]
            + [("cash_dividend", 2, 1, 50), ("split", 2, 1, 50)]
        ),
        "ex_date": st.sampled_from(["2026-01-03"] * 3 + ["2026-01-06"] * 3 + ["2026-01-02"]),
        "name": st.sampled_from(["a", "b", "c", "d"]),
        "step": st.sampled_from([0, 1, 60]),
    }
)
RULES = st.fixed_dictionaries(
    {
        "tick_size": st.sampled_from([50, 100, 100, 1_000]),
        "lot_size": st.sampled_from([1, 1, 5]),
        "max_quantity": st.sampled_from([100, 10_000, 10_000]),
        "max_notional": st.sampled_from([None] * 7 + [400_000]),
        "collar_bps": st.sampled_from([350, 450, 2_000, 2_000, 2_000]),
        "luld_tier": st.sampled_from([1, 1, 2, None]),
        "luld_bps": st.sampled_from([150, 200, 200, 300, None]),
        "limit_state_seconds": st.sampled_from([15, 1, 2, 5]),
        "pause_seconds": st.sampled_from([300, 2, 5, 30]),
        "step": st.just(0),
    }
)
SETUPS = st.fixed_dictionaries(
    {
        "bare": st.sampled_from([False, False, False, True]),
        "rules": RULES,
        "session": SESSIONS,
        "begun": st.integers(0, 19),
    }
)


class Sender:
    """Makes commands of those fields: it counts ids and time, and remembers what it has sent."""

    def __init__(self) -> None:
        self.now = START
        self.tick, self.lot = 100, 1
        self.ids: defaultdict[int, int] = defaultdict(int)
        self.sent: list[tuple[int, int]] = [(1, 1)]

    def fields(self, step: float) -> Fields:
        """Symbol and time. A trader who is 20 minutes ahead is refused, and alone in it."""
        time = self.now + int(step * SECOND)
        if step != 1_201:
            self.now = max(self.now, time)
        return {"symbol": "ACME", "event_time": time}

    def setup(self, setup: Fields) -> list[AnyCommand]:
        """A market with reference data gets it first, most times, and a session."""
        commands: list[AnyCommand] = []
        if not setup["bare"] and setup["begun"] < 19:
            commands.append(self.instrument(setup["rules"], begins=True))
            reference = setup["session"]["reference_ticks"] or 100
            commands.append(self.session({**setup["session"], "reference_ticks": reference}))
        return commands

    def instrument(self, rules: Fields, *, begins: bool = False) -> AnyCommand:
        """Later ones keep the tick: an order that stands off the ticks is no case the exchange is made for."""
        rules = dict(rules)
        if begins:
            self.tick = rules["tick_size"]
        rules["tick_size"], self.lot = self.tick, rules["lot_size"]
        return DefineInstrument(**self.fields(rules.pop("step")), **rules)

    def session(self, wish: Fields) -> AnyCommand:
        fields = self.fields(wish["step"])
        ticks, closes = wish["reference_ticks"], wish["closes_in"]
        return SetSession(
            **fields,
            session=wish["session"],
            trading_date=wish["trading_date"],
            reference_price=None if ticks is None else int(ticks * self.tick),
            close_time=None if closes is None else self.now + closes * SECOND,
        )

    def new(self, wish: Fields) -> AnyCommand:
        trader, extra = wish["trader_id"], wish["extra"]
        kind, (force, _, lasts) = wish["kind"][0], wish["kind"][1].partition(":")
        self.ids[trader] += 1
        self.sent.append((self.ids[trader], trader))
        fields = self.fields(wish["step"])
        limited, stops = kind in ("limit", "stop_limit"), kind in ("stop", "stop_limit")
        # A stop-limit order's two prices are some ticks apart; which, the quantity decides.
        apart = wish["lots"] % 5 - 2 if limited else 0
        order: Fields = {
            **fields,
            "order_id": self.ids[trader],
            "trader_id": trader,
            "side": wish["side"],
            "order_type": kind,
            "time_in_force": force,
            "price": wish["ticks"] * self.tick if limited else None,
            "stop_price": (wish["ticks"] + apart) * self.tick if stops else None,
            "quantity": wish["lots"] * self.lot,
            "expire_time": fields["event_time"] + int(lasts) * SECOND if lasts else None,
            "post_only": "post_only" in extra and kind == "limit" and force in ("day", "gtc", "gtd"),
            "self_trade_prevention": extra.get("mode"),
        }
        if limited and "display_lots" in extra:
            order["display_quantity"] = min(extra["display_lots"], wish["lots"]) * self.lot
        return NewOrder(**order | extra.get("strange", {}))

    def old(self, which: int) -> Fields:
        order_id, trader_id = self.sent[-1 - which % len(self.sent)]
        return {"order_id": order_id, "trader_id": trader_id}

    def cancel(self, wish: Fields) -> AnyCommand:
        return CancelOrder(**self.old(wish["which"]), **self.fields(wish["step"]))

    def replace(self, wish: Fields) -> AnyCommand:
        fields: Fields = {
            "price": None if wish["ticks"] is None else wish["ticks"] * self.tick,
            "stop_price": None if wish["stop_ticks"] is None else wish["stop_ticks"] * self.tick,
            "quantity": wish["lots"] * self.lot,
        }
        return ReplaceOrder(**self.old(wish["which"]), **self.fields(wish["step"]), **fields | wish["strange"])

    def cancel_all(self, wish: Fields) -> AnyCommand:
        return CancelAll(trader_id=wish["trader_id"], **self.fields(wish["step"]))

    def trader(self, wish: Fields) -> AnyCommand:
        mode = wish["mode"]
        return DefineTrader(trader_id=wish["trader_id"], self_trade_prevention=mode, **self.fields(wish["step"]))

    def action(self, wish: Fields) -> AnyCommand:
        kind, up, down, amount = wish["terms"]
        terms = {"kind": kind, "numerator": up, "denominator": down, "amount": amount}
        return DeclareAction(action_id=wish["name"], ex_date=wish["ex_date"], **terms, **self.fields(wish["step"]))

    def clock(self, wish: Fields) -> AnyCommand:
        return Clock(**self.fields(wish["step"]))

    def halt(self, wish: Fields) -> AnyCommand:
        return Halt(**self.fields(wish["step"]))

    def resume(self, wish: Fields) -> AnyCommand:
        return Resume(**self.fields(wish["step"]))


KINDS: list[tuple[str, st.SearchStrategy[Fields], int]] = [
    ("new", LIMITS, 16),
    ("new", TAKERS, 4),
    ("new", STOPS, 4),
    ("new", AUCTIONED, 3),
    ("replace", REPLACES, 5),
    ("cancel", CANCELS, 2),
    ("cancel_all", TRADER_STEPS, 1),
    ("trader", TRADER_STEPS, 1),
    ("clock", CLOCKS, 6),
    ("session", SESSIONS, 3),
    ("halt", STEP_ONLY, 1),
    ("resume", STEP_ONLY, 2),
    ("instrument", RULES, 1),
    ("action", ACTIONS, 1),
]
WISHES = st.one_of([st.tuples(st.just(name), fields) for name, fields, weight in KINDS for _ in range(weight)])


@st.composite
def streams(draw: st.DrawFn) -> tuple[bool, list[AnyCommand]]:
    """Whether the market is bare, and commands of all kinds, most of them good."""
    sender, setup = Sender(), draw(SETUPS)
    commands = sender.setup(setup)
    size = draw(st.integers(0, 60))
    commands += [getattr(sender, name)(wish) for name, wish in draw(st.lists(WISHES, min_size=size, max_size=size))]
    return setup["bare"], commands


def resting(market: SymbolMarket) -> list[RestingOrder]:
    return [order for part in market.snapshot() for order in part.orders]


class BothMarkets(RuleBasedStateMachine):
    """Every command goes to both markets; after each they agree on everything that can be seen."""

    @initialize(setup=SETUPS)
    def begin(self, setup: Fields) -> None:
        self.fast = SymbolMarket("ACME", bare=setup["bare"])
        self.slow = ReferenceMarket("ACME", bare=setup["bare"])
        self.sender = Sender()
        for command in self.sender.setup(setup):
            self.send(command)

    def send(self, command: AnyCommand) -> None:
        slow = self.slow.apply(command)
        assert self.fast.apply(command) == slow
        assert self.fast.price() == self.slow.price()
        assert resting(self.fast) == self.slow.resting()
        assert (self.fast.now, self.fast.sequence) == (self.slow.now, self.slow.sequence)
        assert (self.fast.known, self.fast.session) == (self.slow.known, self.slow.session)

    def each(self, name: str, wishes: list[Fields]) -> None:
        for wish in wishes:
            self.send(getattr(self.sender, name)(wish))

    # Rules are drawn with equal odds, so that what is to be frequent comes several at once.
    @rule(wishes=st.lists(LIMITS, min_size=1, max_size=5))
    def limit_orders(self, wishes: list[Fields]) -> None:
        self.each("new", wishes)

    @rule(wishes=st.lists(LIMITS | TAKERS, min_size=1, max_size=3))
    def orders_that_trade(self, wishes: list[Fields]) -> None:
        self.each("new", wishes)

    @rule(wishes=st.lists(STOPS, min_size=1, max_size=3))
    def stop_orders(self, wishes: list[Fields]) -> None:
        self.each("new", wishes)

    @rule(wishes=st.lists(REPLACES, min_size=1, max_size=2))
    def replace(self, wishes: list[Fields]) -> None:
        self.each("replace", wishes)

    @rule(wish=CLOCKS)
    def let_time_pass(self, wish: Fields) -> None:
        self.send(self.sender.clock(wish))

    @rule(wish=WISHES)
    def anything(self, wish: tuple[str, Fields]) -> None:
        self.each(wish[0], [wish[1]])

    @rule(wish=SESSIONS, orders=st.lists(LIMITS | AUCTIONED, max_size=4))
    def session_with_orders(self, wish: Fields, orders: list[Fields]) -> None:
        self.send(self.sender.session(wish))
        self.each("new", orders)

    @rule(wish=SESSIONS, action=ACTIONS)
    def action_after_the_close(self, wish: Fields, action: Fields) -> None:
        self.send(self.sender.session({**wish, "session": "closed"}))
        self.send(self.sender.action(action))

    @rule(wish=STEP_ONLY, orders=st.lists(LIMITS | TAKERS, max_size=4))
    def halt_and_resume(self, wish: Fields, orders: list[Fields]) -> None:
        self.send(self.sender.halt(wish))
        self.each("new", orders)
        self.send(self.sender.resume(wish))

    @rule()
    def save_and_load(self) -> None:
        saved = self.fast.dump()
        self.fast = SymbolMarket.load(saved)
        assert self.fast.dump() == saved


BothMarkets.TestCase.settings = settings(THOROUGH, stateful_step_count=25)
TestBothMarkets = BothMarkets.TestCase


@THOROUGH
@given(streams())
def test_the_laws_of_a_market(stream: tuple[bool, list[AnyCommand]]) -> None:
    bare, commands = stream
    market, laws = SymbolMarket("ACME", bare=bare), Laws(bare)
    last = max((command.event_time for command in commands), default=START)
    end: list[AnyCommand] = [Clock(symbol="ACME", event_time=last)]
    end += [CancelAll(symbol="ACME", trader_id=trader, event_time=last) for trader in (1, 2, 3)]
    for command in commands + end:
        before = market.now
        for event in market.apply(command):
            laws.hear(event)
        assert market.now >= before
        laws.check_book(market)
    assert resting(market) == []
    assert laws.filled == {name: total for name, total in laws.total.items() if total}, "shares that were lost"


class Laws:
    """What must be true of the events of any market; it knows no more than they say."""

    def __init__(self, bare: bool) -> None:
        self.sequence = 0
        self.session = "continuous" if bare else "closed"
        self.collar = self.band = (0, MAX_INT64)
        self.side: dict[tuple[int, int], str] = {}
        self.limit: dict[tuple[int, int], int | None] = {}
        self.total: dict[tuple[int, int], int] = {}
        self.filled: defaultdict[tuple[int, int], int] = defaultdict(int)
        self.triggered: set[tuple[int, int]] = set()

    def hear(self, event: BookEvent) -> None:
        if event.sequence is None:
            return
        assert event.sequence == self.sequence + 1, "a gap in the sequence"
        self.sequence = event.sequence
        match event:
            case Accepted():
                name = (event.trader_id, event.order_id)
                assert name not in self.total
                self.side[name], self.limit[name], self.total[name] = event.side, event.price, event.quantity
            case Replaced():
                name = (event.trader_id, event.order_id)
                if event.reason:
                    assert event.quantity == self.total[name]
                self.limit[name], self.total[name] = event.price, event.quantity
            case Cancelled() | Expired():
                self.total[event.trader_id, event.order_id] -= event.quantity
            case CorporateAction(status="effective"):
                open_orders = {name for name, total in self.total.items() if total > self.filled[name]}
                assert not open_orders, "an order that outlives a corporate action"
            case Triggered():
                self.triggered.add((event.trader_id, event.order_id))
            case MarketStatus():
                self.session = event.session
                self.collar = (event.lower_price or 0, event.upper_price or MAX_INT64)
                self.band = (event.lower_band_price or 0, event.upper_band_price or MAX_INT64)
            case Trade():
                self.hear_trade(event)

    def hear_trade(self, trade: Trade) -> None:
        bought, sold = trade.buy_order_id, trade.sell_order_id
        if trade.aggressor_side != "none":
            ids = (trade.taker_order_id, trade.maker_order_id)
            bought, sold = ids if trade.aggressor_side == "buy" else ids[::-1]
        assert bought is not None
        assert sold is not None
        names = [(trade.buyer_id, bought), (trade.seller_id, sold)]
        assert trade.quantity > 0
        for name, side in zip(names, ("buy", "sell"), strict=True):
            assert self.side[name] == side
            self.filled[name] += trade.quantity
            assert self.filled[name] <= self.total[name], "filled above what was ordered"
            limit = self.limit[name]
            if limit is not None:
                assert trade.price <= limit if side == "buy" else trade.price >= limit, "beyond the limit"
        # A stop-limit order keeps a price that a later collar may not allow.
        if not self.triggered.intersection(names):
            assert self.collar[0] <= trade.price <= self.collar[1], "a trade outside the collar"
        if trade.aggressor_side != "none":
            assert self.band[0] <= trade.price <= self.band[1], "a trade outside the price band"
            maker = names[1] if trade.aggressor_side == "buy" else names[0]
            assert trade.price == self.limit[maker], "not the maker's price"

    def check_book(self, market: SymbolMarket) -> None:
        price = market.price()
        if self.session == "continuous" and price.bid_price is not None and price.ask_price is not None:
            assert price.bid_price < price.ask_price, "the book is crossed"
        for order in resting(market):
            name = (order.trader_id, order.order_id)
            assert order.quantity == self.total[name] - self.filled.get(name, 0) > 0
            assert order.price == self.limit[name]
            assert 0 < (order.shown_quantity or order.quantity) <= order.quantity


@THOROUGH
@given(streams(), st.integers(0, 60))
def test_a_market_saved_and_loaded_goes_on_as_if_nothing_had_been(
    stream: tuple[bool, list[AnyCommand]], cut: int
) -> None:
    bare, commands = stream
    market = SymbolMarket("ACME", bare=bare)
    for command in commands[:cut]:
        market.apply(command)
    loaded = SymbolMarket.load(market.dump())
    assert loaded.dump() == market.dump()
    for command in commands[cut:]:
        assert loaded.apply(command) == market.apply(command)
    assert loaded.dump() == market.dump()
    assert loaded.price() == market.price()


@settings(THOROUGH, max_examples=max(1, EXAMPLES // 3))
@given(streams())
def test_a_replay_from_the_file_form_is_the_same_to_the_byte(stream: tuple[bool, list[AnyCommand]]) -> None:
    bare, commands = stream
    lines = [encode_line(command) for command in commands]

    def replay() -> bytes:
        exchange = Exchange(bare=bare)
        return b"".join(encode_line(event) for line in lines for event in exchange.apply(decode_command(line)))

    direct = Exchange(bare=bare)
    expected = b"".join(encode_line(event) for command in commands for event in direct.apply(command))
    assert replay() == expected
    assert Exchange.load(direct.dump()).dump() == direct.dump()
