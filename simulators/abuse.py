"""Manipulators whose episodes are known, and honest traders who look like them.

Each kind of abuse is a plan: a function from draws and an intensity (0 faint, 1 blatant) to the steps of its accounts.
The labels (`Episode`) go to topic `ground-truth`, which no detector reads. What each kind is, is said by FINRA Rules
5210 and 2020 and by Annex II of the Commission Delegated Regulation (EU) 2016/522 (indicators of manipulative
behaviour under the Market Abuse Regulation); docs/surveillance.md has the definitions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from simulators.agenda import GATHERING, Step
from simulators.calendar import TradingDay
from simulators.fundamentals import stream
from simulators.roster import Roster
from streaming.contracts.codec import MINUTE
from streaming.contracts.events import AbuseKind, Episode, Side

SECOND = 1_000_000
MILLISECOND = 1_000
OPENING = 15
"""Minutes after the open, and before the close, that only an abuse of the close uses."""


class Draft:
    """What a plan is made of: the draws, the accounts, and the steps so far."""

    def __init__(
        self, random: np.random.Generator, symbol: str, day: TradingDay, accounts: list[int], usual: int
    ) -> None:
        self.random = random
        self.day = day
        self.accounts = accounts
        self.usual = usual
        self.steps: list[Step] = []
        self.side: Side = "buy" if random.random() < 0.5 else "sell"
        self.symbol = symbol

    @property
    def against(self) -> Side:
        """The other side."""
        return "sell" if self.side == "buy" else "buy"

    def begin(self, minutes: float) -> int:
        """A time from which on there are so many minutes before the end of the day's quiet part."""
        last = self.day.minutes - OPENING - minutes
        return self.day.open + int(self.random.uniform(OPENING, max(last, OPENING + 1)) * MINUTE)

    def between(self, low: float, high: float) -> float:
        """A number drawn from this range."""
        return float(self.random.uniform(low, high))

    def shares(self, times: float) -> int:
        """So many times the usual quantity, give or take a fifth."""
        return max(1, int(self.usual * times * self.between(0.8, 1.2)))

    def order(self, time: int, side: Side, quantity: int, base: str = "own", ticks: int = 0, account: int = 0) -> None:
        """Plan an order."""
        self.steps.append(Step(time, self.symbol, self.accounts[account], side, quantity, base, ticks))

    def withdraw(self, time: int, side: Side, account: int = 0) -> None:
        """Plan to take off all of an account's orders of a side."""
        self.steps.append(Step(time, self.symbol, self.accounts[account], side, 0))


Plan = Callable[[Draft, float], None]


def spoofing(draft: Draft, intensity: float) -> None:
    """Large orders on one side that are not meant to trade, while a small one on the other side does."""
    time = draft.begin(15)
    for _ in range(3 + round(7 * intensity)):
        large = 1 + int(draft.random.integers(3))
        draft.order(time, draft.side, draft.shares(1), "own", 1)
        for number in range(large):
            times = (6 + 24 * intensity) / large
            draft.order(time + (number + 1) * 200 * MILLISECOND, draft.against, draft.shares(times), "own", -1 - number)
        held = int(draft.between(3, 25 - 15 * intensity) * SECOND)
        draft.withdraw(time + held, draft.side)
        draft.order(time + held + MILLISECOND, draft.side, draft.shares(1), "other", 1)
        draft.withdraw(time + held + 300 * MILLISECOND, draft.against)
        draft.withdraw(time + held + 400 * MILLISECOND, draft.side)
        time += held + int(draft.between(10, 50) * SECOND)


def layering(draft: Draft, intensity: float) -> None:
    """The same with orders on many successive prices of one side."""
    time = draft.begin(15)
    for _ in range(3 + round(4 * intensity)):
        levels = 4 + round(4 * intensity)
        draft.order(time, draft.side, draft.shares(1), "own", 1)
        for level in range(levels):
            at = time + (level + 1) * 150 * MILLISECOND
            draft.order(at, draft.against, draft.shares(2 + 7 * intensity), "own", -1 - level)
        held = int(draft.between(5, 40 - 20 * intensity) * SECOND)
        draft.withdraw(time + held, draft.side)
        draft.order(time + held + MILLISECOND, draft.side, draft.shares(1), "other", 1)
        draft.withdraw(time + held + 300 * MILLISECOND, draft.against)
        draft.withdraw(time + held + 400 * MILLISECOND, draft.side)
        time += held + int(draft.between(15, 60) * SECOND)


def wash_trading(draft: Draft, intensity: float) -> None:
    """Two linked accounts sell to each other, to and fro."""
    time = draft.begin(20)
    seller, buyer = 0, 1
    for _ in range(4 + round(8 * intensity)):
        quantity = draft.shares(1.5 + 4 * intensity)
        draft.order(time, "sell", quantity, "own", 1, seller)
        draft.order(time + int(draft.between(5, 60)) * MILLISECOND, "buy", quantity, "other", 0, buyer)
        draft.withdraw(time + 2 * SECOND, "sell", seller)
        draft.withdraw(time + 2 * SECOND, "buy", buyer)
        seller, buyer = buyer, seller
        time += int(draft.between(15, 80 - 40 * intensity) * SECOND)


def quote_stuffing(draft: Draft, intensity: float) -> None:
    """Bursts of orders that are cancelled within moments."""
    time = draft.begin(6)
    for _ in range(1 + round(3 * intensity)):
        for _ in range(30 + round(90 * intensity)):
            side: Side = "buy" if draft.random.random() < 0.5 else "sell"
            draft.order(time, side, draft.shares(0.3), "own", -2 - int(draft.random.integers(6)))
            draft.withdraw(time + 4 * MILLISECOND, side)
            time += int(draft.between(8, 60) * MILLISECOND)
        time += int(draft.between(5, 60) * SECOND)


def momentum_ignition(draft: Draft, intensity: float) -> None:
    """A position is built quietly, orders that sweep the book set off a move, and the position is sold into it."""
    time = draft.begin(30)
    bought = 0
    for _ in range(5):
        quantity = draft.shares(1.2)
        draft.order(time, draft.side, quantity, "other")
        bought += quantity
        time += int(draft.between(30, 120) * SECOND)
    count = 8 + round(10 * intensity)
    for _ in range(count):
        quantity = draft.shares(1.5 + 3.5 * intensity)
        draft.order(time, draft.side, quantity, "other", 4 + round(6 * intensity))
        bought += quantity
        time += int(draft.between(60, 150) / count * SECOND)
    draft.withdraw(time, draft.side)
    time += int(draft.between(10, 40) * SECOND)
    for _ in range(10):
        draft.order(time, draft.against, max(1, bought // 10), "other", 2)
        time += int(draft.between(10, 40) * SECOND)
    draft.withdraw(time, draft.against)


def marking_the_close(draft: Draft, intensity: float) -> None:
    """Orders that take what is there in the last minutes, and into the closing auction, to move the closing price."""
    end = draft.day.close - GATHERING * MINUTE
    count = 7 + round(9 * intensity)
    long = draft.between(4, 9)
    time = end - int(long * MINUTE)
    for _ in range(count):
        draft.order(time, draft.side, draft.shares(1.5 + 4 * intensity), "other", 3 + round(5 * intensity))
        time += int(long * MINUTE / count * draft.between(0.6, 1.3))
    draft.withdraw(min(time, end - SECOND), draft.side)
    draft.order(end + int(draft.between(10, 200) * SECOND), draft.side, draft.shares(3 + 6 * intensity), "other", 5)


def pump_and_dump(draft: Draft, intensity: float) -> None:
    """Shares are gathered over an hour, the price is driven up, and all are sold to those who follow."""
    draft.side = "buy"  # only what one has can be dumped
    time = draft.begin(170)
    bought = 0
    for _ in range(14):
        quantity = draft.shares(1.2)
        draft.order(time, "buy", quantity, "other")
        bought += quantity
        time += int(draft.between(150, 360) * SECOND)
    count = 12 + round(14 * intensity)
    for _ in range(count):
        quantity = draft.shares(1.3 + 3 * intensity)
        draft.order(time, "buy", quantity, "other", 3 + round(5 * intensity))
        bought += quantity
        time += int(draft.between(600, 1000) / count * SECOND)
    draft.withdraw(time, "buy")
    time += int(draft.between(60, 240) * SECOND)
    for _ in range(20):
        draft.order(time, "sell", max(1, bought // 20), "other", 2)
        time += int(draft.between(40, 110) * SECOND)
    draft.withdraw(time, "sell")


PLANS: dict[AbuseKind, Plan] = {
    "spoofing": spoofing,
    "layering": layering,
    "wash_trading": wash_trading,
    "quote_stuffing": quote_stuffing,
    "momentum_ignition": momentum_ignition,
    "marking_the_close": marking_the_close,
    "pump_and_dump": pump_and_dump,
}


def fast_requotes(draft: Draft, intensity: float) -> None:
    """A maker who renews small quotes on both sides every few seconds."""
    time = draft.begin(12)
    for _ in range(25 + round(30 * intensity)):
        for side in (draft.side, draft.against):
            draft.withdraw(time, side)
            draft.order(time + MILLISECOND, side, draft.shares(0.8), "own")
        time += int(draft.between(4, 16) * SECOND)
    for side in (draft.side, draft.against):
        draft.withdraw(time, side)


def sweep(draft: Draft, intensity: float) -> None:
    """An institution that takes several prices at once, and keeps what it bought."""
    time = draft.begin(5)
    for _ in range(3):
        draft.order(time, draft.side, draft.shares(4 + 6 * intensity), "other", 8)
        time += int(draft.between(5, 20) * SECOND)
    draft.withdraw(time, draft.side)


def cancels_on_news(draft: Draft, intensity: float) -> None:
    """A trader whose orders wait at many prices takes all of them off at once."""
    time = draft.begin(40)
    for number in range(5 + round(4 * intensity)):
        draft.order(time, draft.side, draft.shares(1.5 + 3 * intensity), "own", -2 * number)
        time += int(draft.between(60, 200) * SECOND)
    draft.withdraw(time, draft.side)


LOOKALIKES: tuple[Plan, ...] = (fast_requotes, sweep, cancels_on_news)


def episodes(seed: int, symbol: str, day: TradingDay, roster: Roster) -> tuple[list[Step], list[Episode]]:
    """What manipulators and their look-alikes do in a symbol on a day, in order, and the labels of the former."""
    settings = roster.settings.abuse
    accounts = [trader for group in settings.groups for trader in roster.members(group)]
    steps: list[Step] = []
    labels: list[Episode] = []
    for kind, plan in PLANS.items():
        for draft, intensity in _drafts(
            seed, kind, settings.prevalence, symbol, day, accounts, settings.usual_quantity
        ):
            plan(draft, intensity)
            draft.steps.sort(key=lambda step: step.time)
            steps += draft.steps
            labels.append(
                Episode(
                    episode_id=f"{symbol}-{day.date}-{kind}",
                    kind=kind,
                    symbol=symbol,
                    trader_ids=sorted({step.trader_id for step in draft.steps}),
                    begin=draft.steps[0].time,
                    end=draft.steps[-1].time,
                    intensity=round(intensity, 4),
                    scenario=roster.scenario.name,
                    event_time=draft.steps[-1].time,
                )
            )
    for plan in LOOKALIKES:
        name = plan.__name__
        for draft, intensity in _drafts(
            seed, name, settings.lookalikes, symbol, day, accounts, settings.usual_quantity
        ):
            plan(draft, intensity)
            steps += draft.steps
    steps.sort(key=lambda step: step.time)
    return steps, sorted(labels, key=lambda episode: episode.end)


def _drafts(
    seed: int, name: str, prevalence: float, symbol: str, day: TradingDay, accounts: list[int], usual: int
) -> Iterator[tuple[Draft, float]]:
    """The draft that is to be filled in, if there is one of this name today, and its intensity."""
    random = stream(seed, f"abuse {name} {symbol}", day.date)
    if random.random() < prevalence and day.minutes > 200:
        intensity = float(random.random())
        chosen = random.permutation(len(accounts))[:2].tolist()
        yield Draft(random, symbol, day, [accounts[place] for place in chosen], usual), intensity
