"""One trade at a time: what the books make of it."""

from __future__ import annotations

import msgspec

from streaming.contracts.events import CorporateAction, Trade
from streaming.settlement.books import CASH, Books, Journal

TRADE = Trade(
    sequence=9,
    trade_id="ACME-9",
    symbol="ACME",
    price=1_000_500,
    quantity=10,
    maker_order_id=12,
    taker_order_id=17,
    buyer_id=4,
    seller_id=5,
    aggressor_side="buy",
    event_time=1_767_364_200_000_000,
)
VALUE = 10_005_000


def books() -> Books:
    made = Books(["ACME"], [4, 5])
    journal = Journal()
    for trader in (4, 5):
        made.endow(trader, CASH, 20_000_000, 0, journal)
        made.endow(trader, "ACME", 15, 0, journal)
    return made


def nothing_settled(_: object) -> dict[str, Trade]:
    return {}


def test_the_buyer_pays_and_the_seller_delivers() -> None:
    made = books()
    journal = made.settle([TRADE], nothing_settled)
    assert (made.balance(4, CASH), made.balance(4, "ACME")) == (20_000_000 - VALUE, 25)
    assert (made.balance(5, CASH), made.balance(5, "ACME")) == (20_000_000 + VALUE, 5)
    assert [(p.line, p.amount) for p in journal.postings] == [(1, -VALUE), (2, 10), (3, VALUE), (4, -10)]


def test_a_trade_of_an_auction_is_posted_like_any_other() -> None:
    auctioned = msgspec.structs.replace(
        TRADE, maker_order_id=None, taker_order_id=None, buy_order_id=17, sell_order_id=12, aggressor_side="none"
    )
    made = books()
    journal = made.settle([auctioned], nothing_settled)
    assert journal.trades == [auctioned]
    assert (made.balance(4, "ACME"), made.balance(5, CASH)) == (25, 20_000_000 + VALUE)


def test_both_are_told_their_balances() -> None:
    journal = books().settle([TRADE], nothing_settled)
    (_, buyer), (_, seller) = journal.updates
    assert (buyer.trader_id, buyer.sequence, buyer.cash_change, buyer.quantity_change) == (4, 3, -VALUE, 10)
    assert (buyer.entry_id, buyer.trade_id, buyer.symbol, buyer.cash, buyer.position) == (
        "ACME-9",
        "ACME-9",
        "ACME",
        20_000_000 - VALUE,
        25,
    )
    assert (seller.trader_id, seller.cash_change, seller.position) == (5, VALUE, 5)


def test_the_same_trade_again_changes_nothing() -> None:
    made = books()
    made.settle([TRADE], nothing_settled)
    again = made.settle([TRADE, TRADE], lambda ids: {TRADE.trade_id: TRADE})
    assert again == Journal()


def test_the_same_id_with_other_contents_is_a_breach_and_changes_nothing() -> None:
    made = books()
    other = msgspec.structs.replace(TRADE, quantity=11)
    journal = made.settle([TRADE, other], nothing_settled)
    assert journal.trades == [TRADE]
    assert [(breach.entry_id, breach.reason) for breach in journal.breaches] == [("ACME-9", "conflicting_trade")]
    later = made.settle([other], lambda ids: {TRADE.trade_id: TRADE})
    assert later.trades == []
    assert [breach.reason for breach in later.breaches] == ["conflicting_trade"]


def test_a_late_trade_of_an_earlier_sequence_is_still_posted() -> None:
    made = books()
    made.settle([TRADE], nothing_settled)
    late = msgspec.structs.replace(TRADE, sequence=3, trade_id="ACME-3", quantity=1)
    assert made.settle([late], nothing_settled).trades == [late]


def test_paying_more_than_there_is_is_a_breach_and_is_posted() -> None:
    made = books()
    dear = msgspec.structs.replace(TRADE, price=3_000_000)
    journal = made.settle([dear], nothing_settled)
    assert [(b.reason, b.trader_id) for b in journal.breaches] == [("negative_cash", 4)]
    assert made.balance(4, CASH) == -10_000_000
    assert made.balance(5, CASH) == 50_000_000


def test_selling_more_than_there_is_is_a_breach() -> None:
    journal = books().settle([msgspec.structs.replace(TRADE, quantity=16)], nothing_settled)
    assert [(b.reason, b.trader_id) for b in journal.breaches] == [("negative_position", 5)]


def test_a_trader_may_trade_with_himself() -> None:
    made = books()
    journal = made.settle([msgspec.structs.replace(TRADE, seller_id=4)], nothing_settled)
    assert (made.balance(4, CASH), made.balance(4, "ACME")) == (20_000_000, 15)
    assert journal.breaches == []
    assert [update.sequence for _, update in journal.updates] == [3, 4]


def test_an_unknown_trader_settles_through_suspense() -> None:
    made = books()
    journal = made.settle([msgspec.structs.replace(TRADE, buyer_id=99)], nothing_settled)
    assert [(b.reason, b.trader_id) for b in journal.breaches] == [("unknown_trader", 99)]
    assert (made.balance("suspense", CASH), made.balance("suspense", "ACME")) == (-VALUE, 10)
    assert made.balance(5, "ACME") == 5
    assert [update.trader_id for _, update in journal.updates] == [5]


def test_an_unknown_symbol_touches_nobody() -> None:
    made = books()
    ghost = msgspec.structs.replace(TRADE, symbol="GHOST", trade_id="GHOST-9")
    journal = made.settle([ghost], nothing_settled)
    assert [b.reason for b in journal.breaches] == ["unknown_symbol"]
    assert made.balance(4, CASH) == 20_000_000
    assert journal.updates == []
    assert journal.trades == [ghost]


SPLIT = CorporateAction(
    sequence=10,
    action_id="three-for-two",
    symbol="ACME",
    kind="split",
    ex_date="2026-01-05",
    status="effective",
    numerator=3,
    denominator=2,
    close_price=1_000_500,
    adjusted_price=667_000,
    event_time=1_767_364_300_000_000,
)
DIVIDEND = msgspec.structs.replace(
    SPLIT, sequence=11, action_id="quarter", kind="cash_dividend", numerator=None, denominator=None, amount=2_500
)


def test_a_split_gives_whole_shares_and_cash_for_the_fraction() -> None:
    made = books()
    journal = made.settle([SPLIT], nothing_settled)
    # 15 shares become 22 and a half.
    assert (made.balance(4, "ACME"), made.balance(4, CASH)) == (22, 20_000_000 + 333_500)
    assert (made.balance("issuer", "ACME"), made.balance("issuer", CASH)) == (-44, -40_000_000 - 667_000)
    assert [entry.entry_id for entry in journal.entries] == ["split-ACME-10-4", "split-ACME-10-5"]
    told = journal.updates[0][1]
    assert (told.entry_id, told.trade_id, told.symbol) == ("split-ACME-10-4", None, "ACME")
    assert (told.cash_change, told.quantity_change, told.position) == (333_500, 7, 22)


def test_a_reverse_split_takes_shares_away() -> None:
    made = books()
    made.settle(
        [msgspec.structs.replace(SPLIT, numerator=1, denominator=10, adjusted_price=10_005_000)], nothing_settled
    )
    assert (made.balance(4, "ACME"), made.balance(4, CASH)) == (1, 20_000_000 + 5_002_500)


def test_a_dividend_pays_cash_on_each_share_and_leaves_the_shares() -> None:
    made = books()
    journal = made.settle([DIVIDEND], nothing_settled)
    assert (made.balance(4, "ACME"), made.balance(4, CASH)) == (15, 20_000_000 + 37_500)
    assert [entry.entry_id for entry in journal.entries] == ["dividend-ACME-11-4", "dividend-ACME-11-5"]
    assert journal.updates[0][1].quantity_change == 0


def test_trades_and_actions_are_posted_in_their_order() -> None:
    made = books()
    made.settle([TRADE, DIVIDEND, msgspec.structs.replace(TRADE, sequence=12, trade_id="ACME-12")], nothing_settled)
    assert made.balance(4, CASH) == 20_000_000 - 2 * VALUE + 25 * 2_500
    assert made.balance(5, CASH) == 20_000_000 + 2 * VALUE + 5 * 2_500


def test_who_holds_nothing_gets_no_entry() -> None:
    made = books()
    made.settle([msgspec.structs.replace(TRADE, quantity=15)], nothing_settled)
    journal = made.settle([DIVIDEND], nothing_settled)
    assert [entry.entry_id for entry in journal.entries] == ["dividend-ACME-11-4"]


def test_the_same_action_again_changes_nothing() -> None:
    made = books()
    made.settle([SPLIT], nothing_settled)
    assert made.settle([SPLIT], nothing_settled) == Journal()


def test_another_action_of_the_same_number_is_a_breach_and_changes_nothing() -> None:
    made = books()
    made.settle([SPLIT], nothing_settled)
    journal = made.settle([msgspec.structs.replace(SPLIT, numerator=5)], nothing_settled)
    assert [(breach.entry_id, breach.reason) for breach in journal.breaches] == [("ACME-10", "conflicting_action")]
    assert made.balance(4, "ACME") == 22


def test_a_refused_action_is_kept_and_moves_nothing() -> None:
    made = books()
    refused = msgspec.structs.replace(SPLIT, status="refused", reason="market_open")
    journal = made.settle([refused], nothing_settled)
    assert (journal.actions, journal.entries) == ([refused], [])


def test_shares_in_suspense_are_split_too_and_nobody_is_told() -> None:
    made = books()
    made.settle([msgspec.structs.replace(TRADE, seller_id=99)], nothing_settled)
    journal = made.settle([SPLIT], nothing_settled)
    assert made.balance("suspense", "ACME") == -15
    assert [update.trader_id for _, update in journal.updates] == [4, 5]
