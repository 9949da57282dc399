"""Who is who: the accounts of each group of the population, and which symbols a market maker quotes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from simulators import population
from simulators.behaviours import Behaviour, MarketMaker, behaviour
from simulators.errors import SettingsError
from simulators.population import Population
from simulators.scenario import CALM, Scenario
from simulators.traders import home, role
from streaming.contracts.events import Side
from streaming.contracts.reference import Trader


class Roster:
    """The simulated traders in their groups. SettingsError where a group wants more accounts than there are."""

    def __init__(self, settings: Population, people: Sequence[Trader], scenario: Scenario = CALM) -> None:
        self.settings = settings
        self.scenario = scenario
        self.behaviours: dict[int, Behaviour] = {}
        self.makers: dict[int, MarketMaker] = {}
        self.one_sided: set[int] = set()
        self.endowed = {trader.trader_id: trader.shares for trader in people}
        self._members: dict[str, list[int]] = {}
        waiting: dict[str, list[int]] = {}
        for trader in people:
            waiting.setdefault(trader.risk_profile, []).append(trader.trader_id)
        for group in settings.group:
            left = waiting.get(group.profile, [])
            if len(left) < group.accounts:
                raise SettingsError(
                    f"group {group.name!r} wants {group.accounts} {group.profile} accounts, and {len(left)} are left"
                )
            members = self._members[group.name] = left[: group.accounts]
            del left[: group.accounts]
            if isinstance(group, population.MarketMaker):
                maker = MarketMaker(group, scenario.liquidity, scenario.spread)
                self.makers.update(dict.fromkeys(members, maker))
            elif not isinstance(group, population.Institution):
                self.behaviours.update(dict.fromkeys(members, behaviour(group)))
                if group.name not in settings.abuse.groups:
                    self.one_sided.update(members)

    def members(self, group: str) -> list[int]:
        """The accounts of a group, in order."""
        return self._members[group]

    def on_side(self, group: str, side: Side, date: dt.date) -> list[int]:
        """The accounts of a group that buy, or sell, on a day."""
        return [trader for trader in self._members[group] if role(trader, date) == side]

    def makers_of(self, place: int) -> list[tuple[int, int]]:
        """The market makers of the symbol that stands at `place` in the list, and every how many minutes each looks."""
        found = []
        for group in self.settings.group:
            if isinstance(group, population.MarketMaker):
                members = self._members[group.name]
                first = place * group.per_symbol
                found += [
                    (members[(first + number) % len(members)], group.every_minutes)
                    for number in range(group.per_symbol)
                ]
        return found

    def service(self, trader_id: int, date: dt.date) -> Side:
        """Whether the buyers' or the sellers' service acts for a trader on a day."""
        return role(trader_id, date) if trader_id in self.behaviours else home(trader_id)
