"""Whatever trades come, however they are cut into batches and however often they come again, the books are right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streaming.contracts.events import CorporateAction, Trade
from streaming.settlement.books import CASH, Books, Journal, Settleable

SYMBOLS = ("ACME", "BLUE")
TRADERS = (1, 2, 3)
STRANGERS = (8, 9)


class Kept:
    """What a ledger does with journals: keeps them, and can be loaded from."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.books = Books(SYMBOLS, TRADERS)

    def write(self, journal: Journal) -> None:
        for name in vars(journal):
            getattr(self.journal, name).extend(getattr(journal, name))

    def settled(self, trade_ids: Sequence[str]) -> dict[str, Trade]:
        return {trade.trade_id: trade for trade in self.journal.trades if trade.trade_id in trade_ids}

    def settle(self, items: Sequence[Settleable]) -> None:
        self.write(self.books.settle(items, self.settled))


@st.composite
def streams(draw: st.DrawFn, strangers: bool = False) -> list[Trade]:
    """Trades whose sequences rise within each symbol, as on a partition."""
    people = st.sampled_from(TRADERS + STRANGERS if strangers else TRADERS)
    symbols = (*SYMBOLS, "GHOST") if strangers else SYMBOLS
    last = dict.fromkeys(symbols, 0)
    trades = []
    for number in range(draw(st.integers(0, 25))):
        symbol = draw(st.sampled_from(symbols))
        last[symbol] += draw(st.integers(1, 3))
        names = draw(st.sampled_from([("maker_order_id", "taker_order_id"), ("buy_order_id", "sell_order_id")]))
        trades.append(
            Trade(
                sequence=last[symbol],
                trade_id=f"{symbol}-{last[symbol]}",
                symbol=symbol,
                price=draw(st.integers(1, 10**9)),
                quantity=draw(st.integers(1, 10**6)),
                **dict(zip(names, (2 * number + 1, 2 * number + 2), strict=True)),
                buyer_id=draw(people),
                seller_id=draw(people),
                aggressor_side="buy" if "maker_order_id" in names else "none",
                event_time=number,
            )
        )
    return trades


RATIOS = st.sampled_from([(2, 1), (3, 2), (1, 10), (7, 3), (1, 2)])


@st.composite
def streams_with_actions(draw: st.DrawFn, strangers: bool = False) -> list[Settleable]:
    """The same, with splits and dividends between the trades of a symbol."""
    items: list[Settleable] = []
    for place, trade in enumerate(draw(streams(strangers))):
        items.append(
            msgspec.structs.replace(trade, sequence=2 * trade.sequence, trade_id=f"{trade.symbol}-{2 * trade.sequence}")
        )
        if draw(st.integers(0, 3)) == 0:
            up, down = draw(RATIOS)
            split = draw(st.booleans())
            items.append(
                CorporateAction(
                    sequence=2 * trade.sequence + 1,
                    action_id=f"a{place}",
                    symbol=trade.symbol,
                    kind="split" if split else "cash_dividend",
                    ex_date="2026-01-05",
                    status="effective",
                    numerator=up if split else None,
                    denominator=down if split else None,
                    amount=None if split else draw(st.integers(1, 10**6)),
                    adjusted_price=draw(st.integers(1, 10**9)),
                    event_time=place,
                )
            )
    return items


def endowed() -> Kept:
    kept = Kept()
    journal = Journal()
    for trader in TRADERS:
        kept.books.endow(trader, CASH, 10**12, 0, journal)
        for symbol in SYMBOLS:
            kept.books.endow(trader, symbol, 1_000, 0, journal)
    kept.write(journal)
    return kept


def sums(journal: Journal) -> dict[tuple[int, str], int]:
    asset = {account.account_id: account.asset for account in journal.accounts}
    found: dict[tuple[int, str], int] = defaultdict(int)
    for posting in journal.postings:
        found[posting.entry_number, asset[posting.account_id]] += posting.amount
    return found


@given(streams_with_actions(strangers=True))
def test_every_entry_sums_to_zero_in_every_asset(trades: list[Settleable]) -> None:
    kept = endowed()
    kept.settle(trades)
    assert not any(sums(kept.journal).values())


@given(streams_with_actions(strangers=True))
def test_a_balance_is_the_sum_of_its_postings(trades: list[Settleable]) -> None:
    kept = endowed()
    kept.settle(trades)
    posted: dict[int, int] = defaultdict(int)
    for posting in kept.journal.postings:
        posted[posting.account_id] += posting.amount
    assert {account.account_id: account.balance for account in kept.books.accounts.values()} == posted


@given(streams())
def test_cash_and_shares_are_conserved(trades: list[Trade]) -> None:
    kept = endowed()
    kept.settle(trades)
    for asset, supply in ((CASH, 3 * 10**12), *((symbol, 3_000) for symbol in SYMBOLS)):
        assert sum(kept.books.balance(trader, asset) for trader in TRADERS) == supply
        assert kept.books.balance("issuer", asset) == -supply
        assert kept.books.balance("suspense", asset) == 0


@given(streams())
def test_positions_are_what_was_bought_less_what_was_sold(trades: list[Trade]) -> None:
    kept = endowed()
    kept.settle(trades)
    for trader in TRADERS:
        bought = [trade for trade in trades if trade.buyer_id == trader]
        sold = [trade for trade in trades if trade.seller_id == trader]
        cash = sum(t.price * t.quantity for t in sold) - sum(t.price * t.quantity for t in bought)
        assert kept.books.balance(trader, CASH) == 10**12 + cash
        for symbol in SYMBOLS:
            shares = sum(t.quantity for t in bought if t.symbol == symbol)
            shares -= sum(t.quantity for t in sold if t.symbol == symbol)
            assert kept.books.balance(trader, symbol) == 1_000 + shares


@given(streams_with_actions(strangers=True), st.data())
def test_batches_and_redelivery_change_nothing(trades: list[Settleable], data: st.DataObject) -> None:
    at_once, bit_by_bit = endowed(), endowed()
    at_once.settle(trades)
    done = 0
    while done < len(trades):
        start = data.draw(st.integers(0, done), label="read again from")
        end = data.draw(st.integers(done + 1, len(trades)), label="to")
        bit_by_bit.settle(trades[start:end])
        done = end
    assert bit_by_bit.journal == at_once.journal


@given(streams_with_actions(strangers=True))
def test_updates_number_from_one_and_tell_the_balances(trades: list[Settleable]) -> None:
    kept = endowed()
    kept.settle(trades)
    assert [number for number, _ in kept.journal.updates] == list(range(1, len(kept.journal.updates) + 1))
    for trader in TRADERS:
        updates = [update for _, update in kept.journal.updates if update.trader_id == trader]
        assert [update.sequence for update in updates] == list(range(1, len(updates) + 1))
        cash, positions = 0, dict.fromkeys(SYMBOLS, 0)
        for update in updates:
            cash += update.cash_change
            assert update.cash == cash
            if update.symbol:
                positions[update.symbol] += update.quantity_change
                assert update.position == positions[update.symbol]
        assert cash == kept.books.balance(trader, CASH)


@given(streams())
def test_a_balance_below_zero_is_always_a_breach(trades: list[Trade]) -> None:
    kept = endowed()
    kept.settle(trades)
    breached = {(breach.trader_id, breach.reason) for breach in kept.journal.breaches}
    for trader in TRADERS:
        if kept.books.balance(trader, CASH) < 0:
            assert (trader, "negative_cash") in breached
        if any(kept.books.balance(trader, symbol) < 0 for symbol in SYMBOLS):
            assert (trader, "negative_position") in breached


@given(streams_with_actions())
def test_what_the_issuer_gave_is_what_traders_hold(items: list[Settleable]) -> None:
    kept = endowed()
    kept.settle(items)
    for asset in (CASH, *SYMBOLS):
        assert sum(kept.books.balance(trader, asset) for trader in TRADERS) == -kept.books.balance("issuer", asset)
        assert kept.books.balance("suspense", asset) == 0


@given(streams_with_actions())
def test_a_split_leaves_each_holder_the_ratio_less_what_is_paid_in_cash(items: list[Settleable]) -> None:
    kept = endowed()
    for item in items:
        before = {trader: kept.books.balance(trader, item.symbol) for trader in TRADERS}
        cash = {trader: kept.books.balance(trader, CASH) for trader in TRADERS}
        kept.settle([item])
        if isinstance(item, Trade):
            continue
        for trader, shares in before.items():
            after, paid = kept.books.balance(trader, item.symbol), kept.books.balance(trader, CASH) - cash[trader]
            if item.kind == "cash_dividend":
                assert (after, paid) == (shares, shares * (item.amount or 0))
                continue
            fraction = Fraction(shares * (item.numerator or 0), item.denominator or 1) - after
            assert abs(fraction) < 1
            assert 0 <= abs(fraction) * (item.adjusted_price or 0) - abs(paid) < 1
