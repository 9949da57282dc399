"""The instruments and traders that a new exchange starts with, from the readable files in `reference/`."""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import msgspec


class Instrument(msgspec.Struct, frozen=True):
    """A listed stock. Prices and `tick_size` in 1/10,000 dollar; `luld_tier` as in the NMS Limit Up-Limit Down plan."""

    symbol: str
    name: str
    sector: str
    tick_size: int
    lot_size: int
    max_quantity: int
    collar_bps: int
    luld_tier: Literal[1, 2]
    initial_price: int


class Trader(msgspec.Struct, frozen=True):
    """A user of the exchange, and what the account holds at first: `cash`, and `shares` of every instrument."""

    trader_id: int
    name: str
    email: str
    kind: Literal["person", "simulated"]
    risk_profile: Literal["cautious", "balanced", "bold"]
    cash: int
    shares: int


@lru_cache
def instruments() -> tuple[Instrument, ...]:
    """Every instrument, by symbol."""
    return tuple(msgspec.convert(row, Instrument, strict=False) for row in _rows("instruments.csv"))


@lru_cache
def traders() -> tuple[Trader, ...]:
    """Every trader, by id."""
    return tuple(msgspec.convert(row, Trader, strict=False) for row in _rows("traders.csv"))


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("streaming.contracts") / "reference" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
