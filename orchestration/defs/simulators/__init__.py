"""Who trades."""

from dagster import Definitions

from orchestration.defs.simulators.gate import realism
from orchestration.external import MARKET, external

BUYERS = ("simulators", "buyers")
SELLERS = ("simulators", "sellers")
MARKET_CLOCK = ("simulators", "market_clock")
HISTORY = ("simulators", "history")
ALL = (MARKET_CLOCK, BUYERS, SELLERS, HISTORY)

DESCRIPTIONS = {
    MARKET_CLOCK: "Opens and closes the trading days, and lets time pass, live",
    BUYERS: "Services that trade for those who buy today; they read `prices` and answer it, and reserve cash first",
    SELLERS: "Services that trade for those who sell today; they read `prices` and answer it, and reserve shares first",
    HISTORY: "A seeded run of past trading days, whose trades are known before they come out of the platform",
}

definitions = Definitions(
    assets=[
        *(external(key, description, ("python",), owners=MARKET) for key, description in DESCRIPTIONS.items()),
        realism,
    ]
)
