"""The platform's own services, and what keeps Flink's jobs running: Python processes of this environment."""

from __future__ import annotations

import sys
from typing import Any

from stack.model import Server
from stack.servers import flink, kafka
from stack.settings import StackSettings
from stack.texts import UNBUFFERED

SAID_READY = r"\b(ready|started)\b"
"""What a service writes when it has found its place."""


def servers(settings: StackSettings) -> list[Server]:
    """Engine, settlement, relay, market clock, buyers and sellers, and the keeper of Flink's jobs."""

    def service(name: str, module: str, *arguments: str, needs: tuple[str, ...], **more: Any) -> Server:
        return Server(
            name=name,
            command=(sys.executable, "-m", module, *arguments),
            needs=needs,
            environment=UNBUFFERED,
            data_limit=settings.service_memory,
            **more,
        )

    def traders(kind: str, count: int) -> list[Server]:
        return [
            service(
                f"{kind}-{worker}",
                f"simulators.{kind}",
                *("--worker", str(worker), "--workers", str(count)),
                needs=("topics", "migrate", "engine"),
                alias=kind,
                ready_words=SAID_READY,
                trades=True,
            )
            for worker in range(count)
        ]

    ledger = ("topics", "migrate")
    return [
        service(
            "engine", "streaming.matching.engine", needs=("topics",), ready=lambda: kafka.joined(settings, "matching")
        ),
        service("settlement", "streaming.settlement", needs=ledger, ready_words=SAID_READY),
        service("relay", "streaming.settlement.relay", needs=ledger, ready_words=SAID_READY),
        service(
            "flink-jobs",
            "streaming.flink.submit",
            "--watch",
            needs=("flink", "topics", "tables"),
            ready=lambda: flink.jobs_run(settings),
        ),
        # The market opens when everything else is up: trading would take the processor from what is still starting.
        service("clock", "simulators.market_clock", needs=("engine",), ready_words=SAID_READY, trades=True, last=True),
        *traders("buyers", settings.buyers),
        *traders("sellers", settings.sellers),
    ]
