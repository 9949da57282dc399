"""Killed with -9 at any instant and at any point of a commit, the engine says what the pure book says, to the byte.

TICKHOUSE_QUALIFY_KILLS sets how many kills, TICKHOUSE_QUALIFY_SEED which.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streaming.contracts.provision import create_topics
from streaming.contracts.settings import Settings
from tests.integration.matching_engine import POINTS, Market, engines

KILLS = int(os.environ.get("TICKHOUSE_QUALIFY_KILLS", "6"))
SEED = int(os.environ.get("TICKHOUSE_QUALIFY_SEED", "1"))
SYMBOLS = ("ACME", "BLUE", "CRUX", "DUNE")
RATE, SECONDS = 200, 12
"""Messages a second while engines are killed, and how long a kill may take for messages not to run out."""
TAKEOVER_SECONDS = 40
"""Longest silence after a kill that a busy machine may need, the new process's start included; Kafka's defaults: 45."""

pytestmark = [pytest.mark.timeout(240 + 60 * KILLS)]


@pytest.fixture(scope="module")
def settings(fresh_stack: Callable[..., Settings]) -> Settings:
    settings = fresh_stack("kafka")
    create_topics(settings)
    return settings


def instants(chance: random.Random) -> list[str | None]:
    """Where to kill: at a point of a commit, or (None) at any time; no point twice before each had its turn."""
    points: list[str | None] = []
    while len(points) < KILLS:
        points += [None, *chance.sample(POINTS, len(POINTS)), None]
    chance.shuffle(points)
    return points[:KILLS]


def test_killed_again_and_again_the_engine_says_what_the_pure_book_says(settings: Settings, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    market = Market(settings, SYMBOLS, commands=KILLS * SECONDS * RATE * 6 // len(SYMBOLS), seed=SEED)
    with engines(settings, tmp_path) as (engine,):
        market.flow(RATE)
        for point in instants(chance):
            if point is None:
                engine.start()
                market.trades.grows(TAKEOVER_SECONDS)
                time.sleep(chance.uniform(0, 1))
                engine.stop(signal.SIGKILL)
            else:
                engine.start(point, str(chance.randint(1, 5)))
                engine.died(TAKEOVER_SECONDS)
        left = market.left
        engine.start()
        market.finish()
        items = market.check()
        assert engine.stop() == 0, engine.log.read_text()[-3_000:]
    print(f"{KILLS} kills, {items:,} items")
    assert left, "the last kills were where nothing was at stake"
    assert engine.rebuilds >= KILLS
    market.close()
