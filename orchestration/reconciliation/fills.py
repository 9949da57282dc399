"""What is left of each order, by its own events and by the trades: never less than nothing, at any moment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ORDER = ("symbol", "trader_id", "order_id")
SETS = ["accepted", "replaced"]
"""Events that tell an order's total; what is already filled is part of it."""
LESSENS = ["cancelled", "expired"]


def overfilled(events: pa.Table, deals: pa.Table) -> list[dict[str, Any]]:
    """Each order that was filled or taken off beyond its total, and by how many shares at most.

    An order that was never accepted has a total of 0.
    """
    sets = events.filter(pc.is_in(events["event"], pa.array(SETS)))
    ended = events.filter(pc.is_in(events["event"], pa.array(LESSENS)))
    nothing = _zeros(sets)
    rows = [
        _moves(sets, sets["order_id"], sets["trader_id"], sets["quantity"], nothing, nothing),
        _moves(ended, ended["order_id"], ended["trader_id"], _unset(ended), ended["quantity"], _zeros(ended)),
    ]
    for order_id, trader_id in orders_of(deals):
        rows.append(_moves(deals, order_id, trader_id, _unset(deals), _zeros(deals), deals["quantity"]))
    moves = pa.concat_tables(rows).sort_by([(name, "ascending") for name in (*ORDER, "sequence")])
    if not len(moves):
        return []
    first = _starts(moves)
    group = np.cumsum(first) - 1
    starts = np.flatnonzero(first)
    filled, taken = (_running(moves[name].to_numpy(), starts, group) for name in ("filled", "taken"))
    # The total that was told last, with what was taken off since; 0 before the first.
    total = moves["total"].to_numpy()
    told = np.maximum.accumulate(np.where(first | (total >= 0), np.arange(len(total)), 0))
    base = np.maximum(total[told], 0) + np.where(total[told] >= 0, taken[told], 0)
    least = np.minimum.reduceat(base - taken - filled, starts)
    wrong = moves.take(pa.array(starts[least < 0]))
    return [
        {**{name: row[name] for name in ORDER}, "beyond": int(beyond)}
        for row, beyond in zip(wrong.to_pylist(), -least[least < 0], strict=True)
    ]


def orders_of(deals: pa.Table) -> list[tuple[Any, Any]]:
    """The orders of both sides of every trade, each with its trader: an auction names them by side."""
    auction = pc.equal(deals["aggressor_side"], "none")
    bought = pc.equal(deals["aggressor_side"], "buy")
    maker, taker = deals["maker_order_id"], deals["taker_order_id"]
    return [
        (pc.if_else(auction, deals["buy_order_id"], pc.if_else(bought, taker, maker)), deals["buyer_id"]),
        (pc.if_else(auction, deals["sell_order_id"], pc.if_else(bought, maker, taker)), deals["seller_id"]),
    ]


def _moves(table: pa.Table, order_id: Any, trader_id: Any, total: Any, taken: Any, filled: Any) -> pa.Table:
    numbers = {"trader_id": trader_id, "order_id": order_id, "total": total, "taken": taken, "filled": filled}
    columns = {name: pc.fill_null(values, 0).cast(pa.int64()) for name, values in numbers.items()}
    return pa.table({"symbol": table["symbol"], "sequence": table["sequence"], **columns})


def _zeros(table: pa.Table) -> Any:
    return pa.array(np.zeros(len(table), np.int64))


def _unset(table: pa.Table) -> Any:
    return pa.array(np.full(len(table), -1, np.int64))


def _starts(moves: pa.Table) -> Any:
    """Which rows are the first of their order."""
    first = np.zeros(len(moves), bool)
    first[0] = True
    for name in ORDER:
        column = moves[name].combine_chunks()
        values = (column.dictionary_encode().indices if name == "symbol" else column).to_numpy()
        first[1:] |= values[1:] != values[:-1]
    return first


def _running(values: Any, starts: Any, group: Any) -> Any:
    """The running sum of each group."""
    sums = np.cumsum(values)
    return sums - (sums[starts] - values[starts])[group]
