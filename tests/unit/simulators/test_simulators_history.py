import datetime as dt
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import msgspec
import pytest

from simulators.history import generate, last_state, read_state
from simulators.population import Population, PriceBands, load_population
from simulators.publish import messages
from simulators.runs import DayFiles, Run, make_run, run_folder
from streaming.contracts.codec import MINUTE, decode_command, decode_orders, encode_line
from streaming.contracts.commands import NewOrder, SetSession
from streaming.contracts.events import Episode, Trade
from streaming.contracts.reference import instruments, traders
from streaming.matching.exchange import Exchange

END = dt.date(2026, 11, 20)


def small(days: int = 2, seed: int = 7) -> Run:
    return make_run(seed, days, END, 1_500)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("home"), small())


def test_the_same_identity_gives_the_same_files_to_the_byte(generated: Path, tmp_path: Path) -> None:
    assert contents(generate(tmp_path, small())) == contents(generated)


def test_another_seed_is_another_run_with_other_files(generated: Path, tmp_path: Path) -> None:
    other = small(seed=8)
    assert other.identity != small().identity
    assert contents(generate(tmp_path, other)) != contents(generated)


def test_an_interrupted_run_resumes_at_the_first_missing_day(generated: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop_on_the_second_day(day: object, _minutes: int) -> None:
        if day == small().trading_days()[1]:
            raise StopError

    with pytest.raises(StopError):
        generate(tmp_path, small(), stop_on_the_second_day)
    told = []
    folder = generate(tmp_path, small(), lambda day, minutes: told.append((day.date, minutes)))
    assert told[:2] == [(dt.date(2026, 11, 19), 390), (END, 0)]  # the first day is there, the second is traded
    assert contents(folder) == contents(generated)


def test_a_run_that_follows_another_goes_on_from_its_balances_prices_and_sequences(tmp_path: Path) -> None:
    first = replace(small(days=1), end=dt.date(2026, 11, 19))
    generate(tmp_path, first)
    second = replace(small(days=1), after=first)
    whole = generate(tmp_path, small())
    follower = generate(tmp_path, second)
    assert second.identity != small(days=1).identity
    assert DayFiles(follower, END).commands.read_bytes() == DayFiles(whole, END).commands.read_bytes()
    assert last_state(tmp_path, second) == last_state(tmp_path, small())


def test_every_command_is_obeyed(generated: Path) -> None:
    # The only thing that a trader may learn too late is that its order is gone.
    assert b'"rejected"' not in DayFiles(generated, END).events.read_bytes()


def test_the_shadows_events_are_those_of_the_pure_engine(generated: Path) -> None:
    exchange = Exchange()
    for day in small().trading_days():
        files = DayFiles(generated, day.date)
        lines: list[bytes] = []
        for line in files.commands.read_bytes().splitlines():
            lines += map(encode_line, exchange.apply(decode_command(line)))
        assert b"".join(lines) == files.events.read_bytes()


def test_a_message_holds_one_symbol_and_one_minute_and_its_last_item_is_its_time(generated: Path) -> None:
    files = DayFiles(generated, END)
    read = list(messages(files.commands))
    assert len(read) == read_state(files).batches
    assert b"".join(line for message in read for line in message.lines) == files.commands.read_bytes()
    for message in read:
        commands, bad = decode_orders(message.symbol, message.encode())
        assert not bad
        assert len({command.event_time // MINUTE for command in commands}) == 1
        assert commands[-1].event_time == message.event_time
        assert len(commands) <= 500


def test_a_symbols_market_time_never_goes_back(generated: Path) -> None:
    times: dict[str, int] = {}
    for line in DayFiles(generated, END).commands.read_bytes().splitlines():
        command = decode_command(line)
        assert command.event_time >= times.get(command.symbol, 0)
        times[command.symbol] = command.event_time


def test_the_day_has_two_auctions_and_ends_five_minutes_after_the_close(generated: Path) -> None:
    commands = [decode_command(line) for line in DayFiles(generated, END).commands.read_bytes().splitlines()]
    day = small().trading_days()[1]
    mine = [command for command in commands if command.symbol == "ACME"]
    assert type(mine[0]).__name__ == "SetSession"
    sessions = [(command.session, command.event_time) for command in mine if isinstance(command, SetSession)]
    assert sessions == [
        ("opening_auction", day.open - 5 * MINUTE),
        ("continuous", day.open),
        ("closing_auction", day.close - 5 * MINUTE),
        ("closed", day.close - 1),
    ]
    clocks = [command.event_time for command in mine if type(command).__name__ == "Clock"]
    assert clocks == [day.open + (minute + 1) * MINUTE - 1 for minute in range(-5, 389)] + [day.close + 5 * MINUTE]


def test_traders_swap_between_buying_and_selling(generated: Path) -> None:
    sides: dict[dt.date, dict[int, set[str]]] = {}
    for day in small().trading_days():
        lines = DayFiles(generated, day.date).commands.read_bytes().splitlines()
        orders = [order for order in map(decode_command, lines) if isinstance(order, NewOrder)]
        by_trader = groupby(sorted(orders, key=lambda order: order.trader_id), key=lambda order: order.trader_id)
        sides[day.date] = {trader: {order.side for order in mine} for trader, mine in by_trader}
    first, second = sides.values()
    both = first.keys() & second.keys()
    ordinary = both & small().roster().behaviours.keys() - manipulators(generated)
    assert len(ordinary) > 120
    assert all(len(first[trader]) == len(second[trader]) == 1 for trader in ordinary)
    assert all(first[trader] | second[trader] == {"buy", "sell"} for trader in ordinary)
    makers = both & small().roster().makers.keys()
    assert makers
    assert all(first[trader] == {"buy", "sell"} for trader in makers)


def manipulators(folder: Path) -> set[int]:
    """Whoever may have followed a plan: the accounts from which they are taken."""
    roster = small().roster()
    return {trader for group in roster.settings.abuse.groups for trader in roster.members(group)}


def test_planted_abuse_is_labelled_with_what_its_accounts_did(generated: Path) -> None:
    seen = 0
    for day in small().trading_days():
        files = DayFiles(generated, day.date)
        labels = [msgspec.json.decode(line, type=Episode) for line in files.truth.read_bytes().splitlines()]
        orders = [decode_command(line) for line in files.commands.read_bytes().splitlines()]
        for label in labels:
            seen += 1
            theirs = [
                order
                for order in orders
                if isinstance(order, NewOrder)
                and order.symbol == label.symbol
                and order.trader_id in label.trader_ids
                and label.begin <= order.event_time <= label.end
            ]
            assert len(theirs) >= 5, label
            assert day.open < label.begin < label.end < day.close
    assert seen >= 10


def test_the_auctions_trade(generated: Path) -> None:
    events = DayFiles(generated, END).events.read_bytes().splitlines()
    trades = [msgspec.json.decode(line, type=Trade) for line in events if b'"event":"trade"' in line]
    day = small().trading_days()[1]
    times = {trade.event_time for trade in trades if trade.aggressor_side == "none"}
    assert times == {day.open, day.close - 1}


def check_conserved(day: DayFiles) -> None:
    people = [trader for trader in traders() if trader.kind == "simulated"]
    accounts = read_state(day).accounts.values()
    assert sum(account.cash for account in accounts) == sum(trader.cash for trader in people)
    assert sum(sum(account.shares.values()) for account in accounts) == len(instruments()) * sum(
        p.shares for p in people
    )
    assert all(account.cash >= 0 and min(account.shares.values()) >= 0 for account in accounts)
    assert not any(account.reserved_cash or any(account.reserved_shares.values()) for account in accounts)


def test_cash_and_shares_are_conserved(generated: Path) -> None:
    for day in small().trading_days():
        check_conserved(DayFiles(generated, day.date))


def narrow_bands() -> Population:
    population = load_population()
    market = population.market.model_copy(update={"price_bands": PriceBands(bps=40)})
    return population.model_copy(update={"market": market})


def test_nobody_overspends_either_where_price_bands_move_orders_and_pauses_end_in_auctions(
    tmp_path: Path,
) -> None:
    day = DayFiles(generate(tmp_path, make_run(7, 1, END, 6_000, narrow_bands())), END)
    events = day.events.read_bytes()
    for seen in (b'"reason":"price_band"', b'"halt":"paused"', b'"aggressor_side":"none"'):
        assert seen in events
    check_conserved(day)


def test_the_folder_is_named_after_the_run(tmp_path: Path) -> None:
    assert run_folder(tmp_path, small()).name.startswith("2026-11-20-2d-s7-")
