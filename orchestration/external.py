"""Assets that other processes keep up to date: Dagster draws them and hears of them, but does not make them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dagster import AssetMaterialization, AssetSpec

PLATFORM = ["team:platform"]
"""Who looks after the systems."""
MARKET = ["team:market"]
"""Who looks after what is traded, and what it says."""

Key = tuple[str, ...]


def external(
    key: Key,
    description: str,
    kinds: Iterable[str],
    *,
    deps: Iterable[Key] = (),
    owners: Sequence[str] = PLATFORM,
    metadata: Mapping[str, Any] | None = None,
) -> AssetSpec:
    """The spec of something outside; the first part of its key is its group."""
    return AssetSpec(
        list(key),
        deps=[list(dep) for dep in deps],
        description=description,
        group_name=key[0],
        kinds=set(kinds),
        owners=owners,
        metadata=metadata,
    )


def wrote(key: Key, metadata: Mapping[str, Any]) -> AssetMaterialization:
    """What a stream wrote since it was looked at last, as Dagster keeps it."""
    return AssetMaterialization(list(key), metadata=metadata)
