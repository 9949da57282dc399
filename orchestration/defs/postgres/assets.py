"""What settlement keeps in PostgreSQL."""

from __future__ import annotations

from orchestration.external import PLATFORM, external

LEDGER_SPECS = [
    external(("postgres", "users"), "Table `reference.users`: traders and their profiles.", ("postgres",)),
    external(("postgres", "instruments"), "Table `reference.instruments`: the listed stocks.", ("postgres",)),
    external(
        ("postgres", "trades"),
        "Table `ledger.trades`: the trade history, each trade once, written by settlement.",
        ("postgres", "python"),
        deps=[("kafka", "trades")],
        owners=PLATFORM,
    ),
    external(
        ("postgres", "postings"),
        "Tables `ledger.journal_entries` and `ledger.postings`: double entry; every entry sums to zero in every asset.",
        ("postgres",),
        deps=[("postgres", "trades"), ("postgres", "users"), ("postgres", "instruments")],
    ),
    external(
        ("postgres", "balances"),
        "Table `ledger.balances`: cash and shares of every account, the sums of its postings.",
        ("postgres",),
        deps=[("postgres", "postings")],
    ),
    external(
        ("postgres", "outbox"),
        "Table `ledger.outbox`: portfolio updates, written with the postings; the relay publishes them.",
        ("postgres", "python"),
        deps=[("postgres", "postings")],
    ),
]
