"""The tables that Flink writes."""

from __future__ import annotations

from lakehouse.schemas import comment
from lakehouse.tables import TABLES
from orchestration.defs.flink.assets import written_by
from orchestration.external import Key, external

TABLE_KEYS: dict[str, Key] = {
    definition.identifier: (definition.identifier.split(".")[0], definition.name) for definition in TABLES
}
"""The asset of each table, which is dbt's source of the same name."""

TABLE_SPECS = [
    external(
        TABLE_KEYS[definition.identifier],
        f"Iceberg table `lake.{definition.identifier}`. {comment(definition.item)}",
        ("iceberg",),
        deps=[written_by(definition.identifier)],
        metadata={"dagster/table_name": f"lake.{definition.identifier}"},
    )
    for definition in TABLES
]
