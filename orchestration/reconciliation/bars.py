"""The bars against the trades that they are made of: what Flink took for late, and dropped, would be missing here."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.reconciliation.iceberg_rows import Lake
from streaming.contracts.codec import MINUTE

PATIENCE = 3 * MINUTE
"""Market time after which a bar must be there: one minute more than Flink's watermark waits."""
COLUMNS = ("symbol", "event_time", "trades", "volume", "turnover", "high", "low", "first_sequence", "last_sequence")


def closed_before(times: dict[int, int]) -> int:
    """The start of the first minute whose bars may still be missing; `times` is the last time told by each partition.

    0 where a partition has told none: then no window closes.
    """
    return max(0, min(times.values(), default=0) - PATIENCE) // MINUTE * MINUTE


def expected(trades: pa.Table, before: int) -> pa.Table:
    """The bars of the minutes before `before`, from the trades themselves."""
    closed = trades.filter(pc.less(trades["event_time"], before))
    minute = pc.multiply(pc.divide(closed["event_time"], MINUTE), MINUTE)
    turnover = pc.multiply_checked(closed["price"], closed["quantity"])
    rows = pa.table(
        [closed["symbol"], minute, closed["price"], closed["quantity"], turnover, closed["sequence"]],
        names=["symbol", "event_time", "price", "quantity", "turnover", "sequence"],
    )
    wanted = [("quantity", "count"), ("quantity", "sum"), ("turnover", "sum"), ("price", "max"), ("price", "min")]
    made = rows.group_by(["symbol", "event_time"]).aggregate([*wanted, ("sequence", "min"), ("sequence", "max")])
    return made.rename_columns(list(COLUMNS))


class BarsLack:
    """What of the closed bars is not in the lake yet, in words; `bars` is what was read last."""

    def __init__(self, lake: Lake, trades: pa.Table, before: int) -> None:
        self._lake, self._before = lake, before
        self._trades = pc.sum(pc.less(trades["event_time"], before)).as_py() or 0
        self.bars = lake.bars(COLUMNS, before)

    def __call__(self) -> str:
        """Empty where nothing lacks."""
        self.bars = self._lake.bars(COLUMNS, self._before)
        behind = self._trades - (pc.sum(self.bars["trades"]).as_py() or 0)
        return f"Iceberg's bars_1m is {behind} trades behind" if behind > 0 else ""
