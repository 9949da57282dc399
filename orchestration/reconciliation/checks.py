"""What must be equal, and by what arithmetic. Pure functions of what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.reconciliation.actions import flows as flows_of
from orchestration.reconciliation.bars import expected
from orchestration.reconciliation.cut import SEQUENCED, Seen
from orchestration.reconciliation.fills import overfilled
from orchestration.reconciliation.model import Check
from orchestration.reconciliation.rows import PLACE, SAMPLE, beyond, differences, largest, up_to
from streaming.contracts.topics import (
    BOOK_SNAPSHOTS,
    CORPORATE_ACTIONS,
    MARKET_STATUS,
    ORDER_EVENTS,
    PORTFOLIO_UPDATES,
    PRICES,
    TRADES,
    Topic,
)

CASH = "USD"
Rows = Sequence[tuple[Any, ...]]


def caught_up(seen: Seen) -> Check:
    """Every store passed the cut, and Kafka holds nothing that is no message."""
    found = seen.late + seen.unreadable
    return Check("caught_up", "Every store has passed the cut", differences=len(found), sample=found[:SAMPLE])


def same_rows(seen: Seen, topic: Topic, name: str, title: str) -> Check:
    """Kafka and Iceberg hold the same items of a topic, each at the same place, in every field."""
    kafka = _upto_last(seen.kafka[topic.name], seen, topic)
    iceberg = _upto_last(seen.iceberg[topic.name], seen, topic)
    kept = beyond(iceberg, *PLACE, seen.first[topic.name])
    count, said = differences(kafka, kept, _key(topic), ("Kafka", "Iceberg"))
    return Check(name, title, len(kafka), len(iceberg), None, count, said)


def same_counts(seen: Seen, topic: Topic, name: str, title: str) -> Check:
    """Iceberg holds as many rows of each of Kafka's messages as the message has items."""
    kafka, iceberg = (_upto_last(rows[topic.name], seen, topic) for rows in (seen.kafka, seen.iceberg))
    kept = beyond(iceberg, *PLACE, seen.first[topic.name])
    count, said = differences(kafka, kept, list(PLACE), ("Kafka", "Iceberg"))
    return Check(name, title, pc.sum(kafka["items"]).as_py(), pc.sum(iceberg["items"]).as_py(), None, count, said)


def trades(seen: Seen) -> Check:
    """Every trade is in Kafka, Iceberg and the ledger, the same in every field. No trade at all is a failure."""
    found = _in_all_three(seen, TRADES, seen.trades, "trades", "Trades, every field")
    if found.iceberg:
        return found
    sample = [*found.sample, "there is no trade: nothing was proved"]
    return replace(found, differences=found.differences + 1, sample=sample)


def corporate_actions(seen: Seen) -> Check:
    """Every split and dividend is in Kafka, Iceberg and the ledger, the same in every field."""
    return _in_all_three(
        seen, CORPORATE_ACTIONS, seen.actions, "corporate_actions", "Splits and dividends, every field"
    )


def _in_all_three(seen: Seen, topic: Topic, settled: pa.Table, name: str, title: str) -> Check:
    pair = same_rows(seen, topic, name, title)
    # What Kafka let go is compared too, also where nothing came since.
    last = {
        partition: max(offset, seen.first[topic.name][partition] - 1)
        for partition, offset in seen.last[topic.name].items()
    }
    lake = up_to(seen.iceberg[topic.name], *PLACE, last).drop_columns(list(PLACE))
    kafka = _upto_last(seen.kafka[topic.name], seen, topic).drop_columns(list(PLACE))
    # Up to the last item that Kafka or the lake has of each symbol; a symbol that neither knows is compared whole.
    known = largest(pa.concat_tables([lake, kafka]), "symbol", "sequence")
    ledger = up_to(settled, "symbol", "sequence", known)
    count, said = differences(lake, ledger, ["symbol", "sequence"], ("Iceberg", "PostgreSQL"))
    return replace(pair, postgres=len(ledger), differences=pair.differences + count, sample=pair.sample + said)


def sequences(seen: Seen) -> Check:
    """What the exchange says of a symbol numbers 1, 2, 3, … up to the cut, none missing, none twice."""
    stores = {"Iceberg": seen.iceberg}
    if all(seen.complete(topic) for topic in SEQUENCED):
        stores["Kafka"] = seen.kafka
    said: list[str] = []
    wrong = 0
    counts: dict[str, int] = {}
    for store, tables in stores.items():
        together = pa.concat_tables([tables[topic.name].select(["symbol", "sequence"]) for topic in SEQUENCED])
        together = up_to(together.filter(pc.is_valid(together["sequence"])), "symbol", "sequence", seen.cut)
        counts[store] = len(together)
        for symbol, last in seen.cut.items():
            numbers = together.filter(pc.equal(together["symbol"], symbol))["sequence"].to_numpy()
            found = sequence_faults(numbers, last)
            wrong += len(found)
            said += [f"{store}, {symbol}: sequence {number} is missing or twice" for number in found[:SAMPLE]]
        for symbol in set(together["symbol"].unique().to_pylist()) - set(seen.cut):
            wrong += 1
            said.append(f"{store} has {symbol}, which Kafka does not")
    return Check(
        "sequences",
        "Sequences of each symbol without a gap",
        counts.get("Kafka"),
        counts["Iceberg"],
        None,
        wrong,
        said[:SAMPLE],
    )


def sequence_faults(numbers: Any, last: int) -> list[int]:
    """Those of 1 … last that are not in `numbers` exactly once, and what is beyond."""
    present, times = np.unique(numbers, return_counts=True)
    wanted = np.arange(1, last + 1)
    missing = np.setdiff1d(wanted, present, assume_unique=True)
    strange = np.setdiff1d(present, wanted, assume_unique=True)
    faults: list[int] = sorted({*missing.tolist(), *strange.tolist(), *present[times > 1].tolist()})
    return faults


def filled(seen: Seen) -> Check:
    """No order was ever filled, cancelled and expired beyond its total; each trade names orders that were accepted."""
    events = up_to(seen.iceberg[ORDER_EVENTS.name], "symbol", "sequence", seen.cut)
    deals = up_to(seen.iceberg[TRADES.name], "symbol", "sequence", seen.cut)
    accepted = pc.sum(pc.equal(events["event"], "accepted")).as_py() or 0
    wrong = overfilled(events, deals)
    said = [
        f"order {row['order_id']} of trader {row['trader_id']} in {row['symbol']}: "
        f"{row['beyond']} shares filled or taken off beyond its total"
        for row in wrong[:SAMPLE]
    ]
    return Check("filled", "Filled never above ordered", None, f"{accepted:,} orders", None, len(wrong), said)


def cash_conserved(conservation: Rows) -> Check:
    """No dollar came or went: postings sum to zero, and what traders hold is what the issuer gave."""
    return _conserved("cash_conserved", "Cash conserved", [row for row in conservation if row[0] == CASH])


def shares_conserved(conservation: Rows) -> Check:
    """No share came or went, of any symbol."""
    return _conserved("shares_conserved", "Shares conserved", [row for row in conservation if row[0] != CASH])


def _conserved(name: str, title: str, rows: Rows) -> Check:
    said = [
        f"{asset}: postings sum to {posted}, traders hold {by_traders}, the house {by_house}"
        for asset, posted, by_traders, by_house in rows
        if posted or by_traders + by_house
    ]
    if not rows:
        said = ["there is no account: nothing was proved"]
    held = sum(row[2] for row in rows)
    return Check(name, title, postgres=f"{held} held" if rows else None, differences=len(said), sample=said[:SAMPLE])


def double_entry(unbalanced: Rows, unposted: Rows) -> Check:
    """Each entry sums to zero in every asset, and each trade has its entry."""
    said = [f"entry {number} sums to {amount} of {asset}" for number, asset, amount in unbalanced]
    said += [f"trade {trade_id} and its entry do not go together" for (trade_id,) in unposted]
    return Check("double_entry", "Every entry balances", differences=len(said), sample=said[:SAMPLE])


def balances(seen: Seen) -> Check:
    """Cash and positions recomputed from endowments, trades and corporate actions are the ledger's balances."""
    deals = seen.trades
    value = pc.multiply_checked(deals["price"], deals["quantity"])
    cash = pa.array([CASH] * len(deals), pa.string())
    flows = [seen.endowments]
    for trader_id, asset, amount in (
        (deals["buyer_id"], cash, pc.negate_checked(value)),
        (deals["seller_id"], cash, value),
        (deals["buyer_id"], deals["symbol"], deals["quantity"]),
        (deals["seller_id"], deals["symbol"], pc.negate_checked(deals["quantity"])),
    ):
        flows.append(pa.table([trader_id, asset, amount], names=["trader_id", "asset", "amount"]))
    given = list(zip(*flows_of(seen.actions, deals, seen.endowments, CASH), strict=True)) or [(), (), ()]
    flows.append(
        pa.table(
            [pa.array(*pair) for pair in zip(given, seen.endowments.schema.types, strict=True)],
            names=["trader_id", "asset", "amount"],
        )
    )
    sums = pa.concat_tables(flows).group_by(["trader_id", "asset"]).aggregate([("amount", "sum")])
    wanted = sums.select(["trader_id", "asset", "amount_sum"]).rename_columns(["trader_id", "asset", "amount"])
    names = ("recomputation", "the ledger")
    count, said = differences(wanted, seen.balances, ["trader_id", "asset"], names)
    title = "Balances recomputed from endowments, trades and actions"
    return Check("balances", title, None, None, len(seen.balances), count, said)


def portfolio_updates(seen: Seen) -> Check:
    """Kafka and Iceberg hold the outbox, without a gap for any trader, and its last balances are the ledger's."""
    title = "Portfolio updates, every field"
    ledger, topic = seen.updates, PORTFOLIO_UPDATES
    last = largest(ledger, "trader_id", "sequence")
    kafka = up_to(seen.kafka[topic.name], "trader_id", "sequence", last)
    iceberg = up_to(seen.iceberg[topic.name], "trader_id", "sequence", last)
    key = ["trader_id", "sequence"]
    lake_rows = iceberg.drop_columns(list(PLACE))
    wrong, said = differences(lake_rows, ledger, key, ("Iceberg", "PostgreSQL"))
    kept = beyond(iceberg, *PLACE, seen.first[topic.name])
    count, more = differences(kafka, kept, key, ("Kafka", "Iceberg"))
    wrong, said = wrong + count, said + more
    for trader_id, number in zip(*_gaps(ledger), strict=True):
        wrong += 1
        said.append(f"trader {trader_id} has {number} updates up to sequence {last[trader_id]}")
    count, more = _last_balances(seen)
    return Check(
        "portfolio_updates", title, len(kafka), len(iceberg), len(ledger), wrong + count, (said + more)[: 2 * SAMPLE]
    )


def _gaps(updates: pa.Table) -> tuple[list[int], list[int]]:
    """Traders whose sequences are not 1 … n, and how many they have."""
    found = updates.group_by("trader_id").aggregate(
        [("sequence", "count_distinct"), ("sequence", "max"), ("sequence", "min"), ("sequence", "count")]
    )
    whole = pc.and_(
        pc.and_(
            pc.equal(found["sequence_count"], found["sequence_max"]),
            pc.equal(found["sequence_count_distinct"], found["sequence_count"]),
        ),
        pc.equal(found["sequence_min"], 1),
    )
    bad = found.filter(pc.invert(whole))
    return bad["trader_id"].to_pylist(), bad["sequence_count"].to_pylist()


def _last_balances(seen: Seen) -> tuple[int, list[str]]:
    """The balances that the last update of each trader (and symbol) tells, against the ledger's."""
    told = []
    for key, column in ((["trader_id"], "cash"), (["trader_id", "symbol"], "position")):
        rows = seen.updates.filter(pc.is_valid(seen.updates["symbol"])) if "symbol" in key else seen.updates
        final = rows.group_by(key).aggregate([("sequence", "max")]).rename_columns([*key, "sequence"])
        found = final.join(rows, keys=["trader_id", "sequence"], right_suffix="_told")
        asset = found["symbol"] if "symbol" in key else pa.array([CASH] * len(found), pa.string())
        told.append(pa.table([found["trader_id"], asset, found[column]], names=["trader_id", "asset", "amount"]))
    names = ("the last updates", "the ledger")
    return differences(pa.concat_tables(told), seen.balances, ["trader_id", "asset"], names)


def breaches(rows: Rows) -> Check:
    """Nobody traded what they did not have, and nothing that does not exist was traded."""
    said = [f"{entry_id}: {reason} {trader_id}, {detail}" for entry_id, reason, trader_id, detail in rows]
    return Check("breaches", "No breaches", postgres=len(rows), differences=len(rows), sample=said[:SAMPLE])


def bars(seen: Seen) -> Check:
    """Every closed minute's trades are in its bar, none twice and none left out as late."""
    wanted = expected(seen.iceberg[TRADES.name], seen.closed)
    count, said = differences(wanted, seen.bars, ["symbol", "event_time"], ("trades", "bars_1m"))
    return Check("bars", "Bars made of all their trades", None, len(seen.bars), None, count, said)


def all_checks(seen: Seen, conservation: Rows, unbalanced: Rows, unposted: Rows, broken: Rows) -> list[Check]:
    """Every check, in the order of a person's interest."""
    return [
        caught_up(seen),
        trades(seen),
        corporate_actions(seen),
        same_rows(seen, ORDER_EVENTS, "order_events", "Order events, every field"),
        same_rows(seen, MARKET_STATUS, "market_status", "Market status, every field"),
        same_counts(seen, PRICES, "prices", "Prices, counted"),
        same_counts(seen, BOOK_SNAPSHOTS, "book_snapshots", "Book snapshots, counted"),
        sequences(seen),
        filled(seen),
        cash_conserved(conservation),
        shares_conserved(conservation),
        double_entry(unbalanced, unposted),
        balances(seen),
        portfolio_updates(seen),
        bars(seen),
        breaches(broken),
    ]


def _upto_last(table: pa.Table, seen: Seen, topic: Topic) -> pa.Table:
    return up_to(table, *PLACE, seen.last[topic.name])


def _key(topic: Topic) -> list[str]:
    # A rejection for a symbol that does not exist has no sequence.
    return ["symbol", "sequence", *(["order_id", "trader_id"] if topic is ORDER_EVENTS else []), *PLACE]
