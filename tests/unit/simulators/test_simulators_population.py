from pathlib import Path

import pytest

from simulators.errors import SettingsError
from simulators.population import DEFAULT, load_population
from simulators.roster import Roster
from simulators.scenario import HERE, Scenario, load_scenario, scenarios
from streaming.contracts.reference import traders

PEOPLE = [trader for trader in traders() if trader.kind == "simulated"]


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = DEFAULT.read_text()
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1))
    return path


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("u_shape = 1.6", "u_shapes = 1.6", "u_shapes = 1.6", "market.u_shapes: there is no such setting"),
        ("branching = 0.55", "branching = 1.5", "branching = 1.5", "market.branching: Input should be less than"),
        (
            "market_orders = 0.25",
            "market_orders = 1.25",
            "market_orders = 1.25",
            "group.2.market_orders: Input should be",
        ),
        ('kind = "momentum"', 'kind = "wizard"', "[[group]]", "group.4"),
        ("u_shape = 1.6", "", "[market]", "market.u_shape: Field required"),
        ('name = "noise"', 'name = "value"', None, "two groups are called 'value'"),
        ("turns = 0.26", "turns = 0.27", None, "must add up to 1, not 1.01"),
        ("persistence = 0.955", "persistence = 0.999", "[fundamental]", "grows for ever"),
        ('groups = ["momentum", "contrarian"]', 'groups = ["nobody"]', None, "there is no group 'nobody'"),
        ('symbol = "OAKS"', 'symbol = "OAK"', 'symbol = "OAK"', "corporate_action.2.symbol: OAK is not listed"),
        ("amount = 4_000", "amount = 0", "amount = 0", "corporate_action.1.amount: Input should be greater than 0"),
        ("amount = 4_000", "price = 4_000", "price = 4_000", "corporate_action.1.price: there is no such setting"),
        ("trading_day = 8", "trading_day = 30", "trading_day = 30", "corporate_action.2.trading_day: Input should be"),
        ("trading_day = 4", "date = 2026-12-01", "[[corporate_action]]", "either a date, or months and a trading_day"),
        ("months = [2, 8]", "months = [13]", "months = [13]", "corporate_action.4.months.1: Input should be"),
        ("denominator = 1", "denominator = 2", "[[corporate_action]]", "a split of 1 to 1 changes nothing"),
        ('kind = "split"', 'kind = "merger"', "[[corporate_action]]", "corporate_action.4"),
        ("[market]", "[market", None, "mine.toml: "),
    ],
)
def test_a_mistake_is_one_message_with_file_and_line(
    tmp_path: Path, old: str, new: str, line: str | None, said: str
) -> None:
    path = changed(tmp_path, old, new)
    with pytest.raises(SettingsError) as caught:
        load_population(path)
    (message,) = [text for text in str(caught.value).splitlines() if said in text]
    assert message.startswith(str(path))
    if line is not None:
        number = int(message.removeprefix(f"{path}:").split(":")[0])
        assert path.read_text().splitlines()[number - 1].startswith(line)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_population(tmp_path / "nowhere.toml")


def test_a_group_cannot_have_more_accounts_than_there_are(tmp_path: Path) -> None:
    population = load_population(changed(tmp_path, "accounts = 50", "accounts = 51"))
    with pytest.raises(SettingsError, match="'retail' wants 30 cautious accounts, and 29 are left"):
        Roster(population, PEOPLE)


def test_every_scenario_that_is_asked_for_is_there_and_says_what_it_is() -> None:
    wanted = "calm crash_and_rebound day_of_halts flash_crash liquidity_drought news_shock trending"
    assert scenarios() == wanted.split()
    for name in scenarios():
        assert load_scenario(name).description
    assert load_scenario("calm").model_copy(update={"description": ""}) == Scenario()


def test_a_scenario_may_be_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("drift = 0.5\n[[halt]]\nat = 2\nminutes = 1\n")
    with pytest.raises(SettingsError, match=rf"{path}:3: halt.1.at: Input should be less than or equal to 1"):
        load_scenario(str(path))
    path.write_text((HERE / "calm.toml").read_text())
    assert load_scenario(str(path)).name == "mine"


def test_an_unknown_scenario_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(SettingsError, match="no scenario 'panic': there are calm, crash_and_rebound"):
        load_scenario("panic")
