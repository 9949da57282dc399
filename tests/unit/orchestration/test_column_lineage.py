"""A model's columns are followed through its SQL, common table expressions among it, to the tables it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dagster import AssetKey, AssetMaterialization, TableColumnDep

from orchestration.defs.dbt.lineage import COLUMN_LINEAGE, Lineage

TRADES, BARS = AssetKey(["market", "trades"]), AssetKey(["marts", "bars"])
SQL = """
with __dbt__cte__stg_trades as (select symbol, price, quantity from lake.market.trades),
trades as (select * from __dbt__cte__stg_trades)
select symbol, max(price) as high, sum(price * quantity) / sum(quantity) as vwap, 1 as one from trades group by symbol
"""


def lineage(folder: Path, sql: str = SQL) -> Lineage:
    nodes: dict[str, Any] = {
        "model.tickhouse.bars": {
            "unique_id": "model.tickhouse.bars",
            "resource_type": "model",
            "relation_name": "`lake`.`marts_audit`.`bars`",
            "original_file_path": "models/bars.sql",
            "columns": {"symbol": {}, "high": {}, "vwap": {}, "one": {}},
        }
    }
    sources = {
        "source.tickhouse.market.trades": {
            "unique_id": "source.tickhouse.market.trades",
            "relation_name": "lake.market.trades",
            "columns": {"symbol": {}, "price": {}, "quantity": {}},
        }
    }
    file = folder / "compiled" / "tickhouse" / "models" / "bars.sql"
    file.parent.mkdir(parents=True)
    file.write_text(sql)
    keys = {"model.tickhouse.bars": BARS, "source.tickhouse.market.trades": TRADES}
    return Lineage({"metadata": {"project_name": "tickhouse"}, "nodes": nodes, "sources": sources}, folder, keys)


def test_a_column_names_the_columns_of_the_tables_that_it_is_made_of(tmp_path: Path) -> None:
    made = lineage(tmp_path).of("model.tickhouse.bars")
    assert made is not None
    price, quantity = TableColumnDep(TRADES, "price"), TableColumnDep(TRADES, "quantity")
    assert made.deps_by_column == {
        "symbol": [TableColumnDep(TRADES, "symbol")],
        "high": [price],
        "vwap": [price, quantity],
        "one": [],
    }


def test_a_models_event_has_the_lineage_and_every_other_event_stays_as_it_is(tmp_path: Path) -> None:
    model = AssetMaterialization(BARS, metadata={"unique_id": "model.tickhouse.bars", "rows": 5})
    other = AssetMaterialization(TRADES, metadata={"rows": 5})
    told, same = lineage(tmp_path).told([model, other])
    assert set(told.metadata) == {"unique_id", "rows", COLUMN_LINEAGE}
    assert same is other


def test_sql_that_cannot_be_followed_is_told_without(tmp_path: Path) -> None:
    assert lineage(tmp_path, "select from where").of("model.tickhouse.bars") is None
