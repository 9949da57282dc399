"""What reconciliations found: a line of versions of its own, of which the ledger's knows nothing."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "reconciliation_0001"
down_revision = None
branch_labels = ("reconciliation",)
depends_on = None


def upgrade() -> None:
    """Run the SQL file beside this one."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
