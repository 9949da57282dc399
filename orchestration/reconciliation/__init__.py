"""Reconciliation: Kafka against Iceberg against PostgreSQL, to the last share and cent."""

from __future__ import annotations

import time

from orchestration.reconciliation.checks import all_checks
from orchestration.reconciliation.cut import see
from orchestration.reconciliation.iceberg_rows import Lake
from orchestration.reconciliation.model import Check, Progress, Report, UnreachableError
from orchestration.reconciliation.postgres_rows import LedgerReader
from streaming.contracts.settings import Settings

__all__ = ["PATIENCE", "Check", "Progress", "Report", "UnreachableError", "reconcile"]

PATIENCE = 120.0
"""Seconds that PostgreSQL and Iceberg are given to pass the cut."""


def reconcile(settings: Settings, progress: Progress = lambda _: None, patience: float = PATIENCE) -> Report:
    """Compare everything at or below a cut taken now; trading may go on meanwhile.

    UnreachableError where a store cannot be asked. A store that does not pass the cut within `patience` seconds is a
    difference like any other.
    """
    began = time.monotonic()
    progress("connecting")
    with LedgerReader(settings) as ledger, Lake(settings) as lake:
        seen = see(settings, ledger, lake, progress, patience)
        progress("comparing")
        questions = ("conservation", "unbalanced_entries", "unposted_trades", "breaches")
        checks = all_checks(seen, *(ledger.ask(name) for name in questions))
    return Report(checks, seen.cut, time.monotonic() - began)
