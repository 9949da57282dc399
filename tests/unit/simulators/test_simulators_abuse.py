import datetime as dt

import pytest

from simulators.abuse import LOOKALIKES, PLANS, Draft, Plan, episodes
from simulators.calendar import trading_day
from simulators.fundamentals import stream
from simulators.population import load_population
from simulators.roster import Roster
from streaming.contracts.codec import MINUTE
from streaming.contracts.reference import instruments, traders

DAY = trading_day(dt.date(2026, 11, 20))
PEOPLE = [trader for trader in traders() if trader.kind == "simulated"]
ROSTER = Roster(load_population(), PEOPLE)


def planned(plan: Plan, intensity: float, seed: int = 1) -> Draft:
    draft = Draft(stream(seed, plan.__name__, DAY.date), "ACME", DAY, [1, 2], 25)
    plan(draft, intensity)
    draft.steps.sort(key=lambda step: step.time)
    return draft


@pytest.mark.parametrize("plan", [*PLANS.values(), *LOOKALIKES], ids=lambda plan: plan.__name__)
@pytest.mark.parametrize("intensity", [0.0, 0.5, 1.0])
def test_every_plan_lies_within_the_day(plan: Plan, intensity: float) -> None:
    for seed in range(30):
        steps = planned(plan, intensity, seed).steps
        assert DAY.open < steps[0].time
        assert steps[-1].time < DAY.close
        assert all(step.quantity >= 0 for step in steps)


@pytest.mark.parametrize("plan", PLANS.values(), ids=lambda plan: plan.__name__)
def test_a_blatant_episode_orders_more_than_a_faint_one(plan: Plan) -> None:
    faint, blatant = (
        sum(step.quantity for seed in range(10) for step in planned(plan, intensity, seed).steps)
        for intensity in (0.0, 1.0)
    )
    assert blatant > 1.5 * faint


def test_a_wash_trade_is_between_two_accounts_and_leaves_both_as_they_were() -> None:
    steps = planned(PLANS["wash_trading"], 0.5).steps
    for account in (1, 2):
        mine = [step for step in steps if step.trader_id == account and step.quantity]
        assert {step.side for step in mine} == {"buy", "sell"}
    assert sum(s.quantity for s in steps if s.side == "buy") == sum(s.quantity for s in steps if s.side == "sell")


@pytest.mark.parametrize("kind", ["spoofing", "layering"])
def test_a_spoofers_large_orders_are_taken_off_and_its_small_ones_are_on_the_other_side(kind: str) -> None:
    draft = planned(PLANS[kind], 0.8)  # type: ignore[index]
    large = [step for step in draft.steps if step.side == draft.against and step.quantity]
    small = [step for step in draft.steps if step.side == draft.side and step.quantity]
    assert min(step.quantity for step in large) > max(step.quantity for step in small)
    for step in large:
        gone = [s.time for s in draft.steps if s.side == draft.against and not s.quantity and s.time > step.time]
        assert min(gone) - step.time < MINUTE


def test_what_was_pumped_is_dumped() -> None:
    steps = planned(PLANS["pump_and_dump"], 0.7).steps
    bought = sum(step.quantity for step in steps if step.side == "buy")
    sold = sum(step.quantity for step in steps if step.side == "sell")
    assert 0.9 * bought < sold <= bought
    assert max(s.time for s in steps if s.side == "buy") < min(s.time for s in steps if s.side == "sell" and s.quantity)


def test_there_is_about_one_episode_of_each_kind_in_ten_symbol_days_and_labels_tell_it() -> None:
    count = dict.fromkeys(PLANS, 0)
    for seed in range(25):
        for item in instruments():
            steps, labels = episodes(seed, item.symbol, DAY, ROSTER)
            assert episodes(seed, item.symbol, DAY, ROSTER) == (steps, labels)
            assert steps == sorted(steps, key=lambda step: step.time)
            for label in labels:
                count[label.kind] += 1
                theirs = [step for step in steps if step.trader_id in label.trader_ids]
                assert label.begin in {step.time for step in theirs}
                assert 0 <= label.intensity <= 1
                assert label.end == label.event_time
    assert all(30 <= found <= 72 for found in count.values()), count
