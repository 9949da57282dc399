"""Prices and cash are integers of 1/10,000 dollar (as NASDAQ ITCH's Price(4)); tables hold decimals."""

from __future__ import annotations

from decimal import Decimal

PRICE_SCALE = 4
PRICE_UNIT = 10**PRICE_SCALE
CENT = PRICE_UNIT // 100
MAX_INT64 = 2**63 - 1


def to_decimal(amount: int) -> Decimal:
    """1000500 -> Decimal('100.0500')"""
    return Decimal(amount).scaleb(-PRICE_SCALE)


def from_decimal(amount: Decimal) -> int:
    """Decimal('100.05') -> 1000500; ValueError where the amount is finer than 1/10,000 dollar."""
    scaled = amount.scaleb(PRICE_SCALE)
    whole = int(scaled)
    if scaled != whole:
        raise ValueError(f"{amount} has more than {PRICE_SCALE} decimal places")
    return whole
