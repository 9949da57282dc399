"""`python -m streaming.settlement`: the settlement service."""

from __future__ import annotations

from streaming.settlement.running import main
from streaming.settlement.service import run

if __name__ == "__main__":
    main(run)
