"""The settings file that says who trades: `populations/default.toml`, or one of the user's own.

Every mistake in it is one message with the file and the line, before anything starts.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from simulators.errors import SettingsError
from simulators.prices import read_closes
from streaming.contracts.reference import instruments

HERE = Path(__file__).parent / "populations"
DEFAULT = HERE / "default.toml"

Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PriceBands(_Model):
    """Parameters of the Limit Up-Limit Down plan. `bps` is the bands' width, else it is by tier and price."""

    bps: Annotated[int, Field(ge=1, le=9_999)] | None = None
    limit_state_seconds: Annotated[int, Field(ge=1, le=3_600)] = 15
    pause_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300


class Market(_Model):
    """How often traders turn to a symbol, and when its price is held."""

    turns_per_day: PositiveInt
    branching: Annotated[float, Field(ge=0, le=0.95)]
    excitement_seconds: PositiveFloat
    u_shape: NotNegative
    price_bands: PriceBands | None = None


class Fundamental(_Model):
    """The factor model of `simulators.fundamentals`."""

    market_volatility: NotNegative
    sector_volatility: NotNegative
    own_volatility: NotNegative
    overnight: NotNegative
    half_life_days: PositiveFloat
    arch: Share
    leverage: Share
    persistence: Share
    volatility_of_volatility: NotNegative
    jumps_per_day: NotNegative
    jump_volatility: NotNegative

    @model_validator(mode="after")
    def _stationary(self) -> Fundamental:
        if self.arch + self.leverage / 2 + self.persistence >= 1:
            raise ValueError("arch + leverage / 2 + persistence must be below 1, or the variance grows for ever")
        return self


class Prices(_Model):
    """A file of real prices that the values of some symbols follow, a row a trading day; see `simulators.prices`.

    The first row is where they stand when `first_day` begins, the second where it ends. `closes` is what the file says.
    """

    file: str
    time: str
    first_day: dt.date
    columns: Annotated[dict[str, str], Field(min_length=1)]
    closes: dict[str, tuple[float, ...]] = {}

    @field_validator("columns")
    @classmethod
    def _listed(cls, columns: dict[str, str]) -> dict[str, str]:
        listed = {item.symbol for item in instruments()}
        for symbol in columns:
            if symbol not in listed:
                raise ValueError(f"{symbol} is not listed")
        return columns


class _Action(_Model):
    """When: on `date`, or in each of the `months` on the `trading_day` of that number in the month."""

    symbol: str
    date: dt.date | None = None
    months: list[Annotated[int, Field(ge=1, le=12)]] = []
    trading_day: Annotated[int, Field(ge=1, le=18)] | None = None

    @field_validator("symbol")
    @classmethod
    def _listed(cls, symbol: str) -> str:
        if symbol not in {item.symbol for item in instruments()}:
            raise ValueError(f"{symbol} is not listed")
        return symbol

    @model_validator(mode="after")
    def _when(self) -> _Action:
        if not (bool(self.months) == (self.trading_day is not None) == (self.date is None)):
            raise ValueError("an action has either a date, or months and a trading_day")
        return self


class Split(_Action):
    """`numerator` shares become of each `denominator`."""

    kind: Literal["split"]
    numerator: Annotated[int, Field(ge=1, le=1_000)]
    denominator: Annotated[int, Field(ge=1, le=1_000)]

    @model_validator(mode="after")
    def _changes(self) -> Split:
        if self.numerator == self.denominator:
            raise ValueError("a split of 1 to 1 changes nothing")
        return self


class CashDividend(_Action):
    """`amount` is paid on each share, in 1/10,000 dollar."""

    kind: Literal["cash_dividend"]
    amount: PositiveInt


CorporateAction = Annotated[Split | CashDividend, Field(discriminator="kind")]


class Abuse(_Model):
    """See `simulators.abuse`."""

    prevalence: Share
    lookalikes: Share
    groups: Annotated[list[str], Field(min_length=1)]
    usual_quantity: PositiveInt


class _Group(_Model):
    name: str
    profile: Literal["cautious", "balanced", "bold"]
    accounts: PositiveInt


class _Ordinary(_Group):
    turns: Share
    quantity: PositiveInt
    tail: Annotated[float, Field(gt=1)]
    patience_minutes: PositiveFloat


class Noise(_Ordinary):
    """See `simulators.behaviours.noise`."""

    kind: Literal["noise"]
    market_orders: Share
    depth: PositiveFloat
    depth_tail: PositiveFloat


class Value(_Ordinary):
    """See `simulators.behaviours.value`."""

    kind: Literal["value"]
    noise: NotNegative
    margin: NotNegative


class Momentum(_Ordinary):
    """See `simulators.behaviours.trend`."""

    kind: Literal["momentum"]
    threshold: NotNegative


class MeanReversion(_Ordinary):
    """See `simulators.behaviours.trend`."""

    kind: Literal["mean_reversion"]
    threshold: NotNegative


class Retail(_Ordinary):
    """See `simulators.behaviours.retail`."""

    kind: Literal["retail"]
    herding: NotNegative
    market_orders: Share
    depth: PositiveFloat


class MarketMaker(_Group):
    """See `simulators.behaviours.maker`."""

    kind: Literal["market_maker"]
    per_symbol: PositiveInt
    every_minutes: PositiveInt
    quantity: PositiveInt
    risk_aversion: NotNegative
    half_spread: PositiveFloat
    look_ahead: Share
    noise: NotNegative
    requote: NotNegative


class Institution(_Group):
    """See `simulators.institutions`."""

    kind: Literal["institution"]
    parents_per_day: NotNegative
    quantity: PositiveInt
    tail: Annotated[float, Field(gt=1)]
    minutes: tuple[PositiveInt, PositiveInt]
    child: PositiveInt
    aggressive: Share
    styles: Annotated[list[Literal["twap", "vwap", "participation"]], Field(min_length=1)]


KINDS = (
    *("noise", "value", "momentum", "mean_reversion", "retail", "market_maker", "institution"),
    *("split", "cash_dividend"),
)
Ordinary = Noise | Value | Momentum | MeanReversion | Retail
Group = Annotated[Ordinary | MarketMaker | Institution, Field(discriminator="kind")]


class Population(_Model):
    """Everyone, and the market they make."""

    market: Market
    fundamental: Fundamental
    prices: Prices | None = None
    corporate_action: list[CorporateAction] = []
    abuse: Abuse
    group: Annotated[list[Group], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Population:
        names = [group.name for group in self.group]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two groups are called {name!r}")
        turns = sum(group.turns for group in self.ordinary())
        if abs(turns - 1) > 1e-6:
            raise ValueError(f"the groups' turns must add up to 1, not {turns:g}")
        for name in self.abuse.groups:
            if name not in names:
                raise ValueError(f"abuse.groups: there is no group {name!r}")
        return self

    def ordinary(self) -> list[Ordinary]:
        """The groups whose traders take the ordinary turns."""
        return [group for group in self.group if not isinstance(group, MarketMaker | Institution)]


@lru_cache(maxsize=8)
def load_population(path: Path = DEFAULT) -> Population:
    """The population of a file; SettingsError with file and line where it says something wrong."""
    found = Population.model_validate(read_toml(path, Population))
    if found.prices is None:
        return found
    closes = read_closes(found.prices, path.parent)
    return found.model_copy(update={"prices": found.prices.model_copy(update={"closes": closes})})


def read_toml(path: Path, model: type[BaseModel]) -> dict[str, Any]:
    """The content of a settings file that fits `model`; SettingsError where it does not."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from None
    try:
        model.model_validate(found)
    except ValidationError as error:
        mistakes = [_told(path, text, dict(mistake)) for mistake in error.errors()]
        raise SettingsError("\n".join(mistakes)) from None
    return found


def _told(path: Path, text: str, mistake: dict[str, Any]) -> str:
    where: list[str | int] = []
    for before, part in zip((None, *mistake["loc"]), mistake["loc"], strict=False):
        if not (isinstance(before, int) and part in KINDS):  # pydantic says a group's kind after its number
            where.append(part)
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in where)
    message = str(mistake["msg"]).removeprefix("Value error, ")
    if mistake["type"] == "extra_forbidden":
        message = "there is no such setting"
    return f"{path}:{line_of(text, where)}: {key}: {message}" if key else f"{path}: {message}"


def line_of(text: str, where: list[str | int]) -> int:
    """The line of a key, such as ["group", 2, "turns"]; of its table where the key is missing."""
    lines = text.splitlines()
    at, table = 0, ""
    for part in where:
        if isinstance(part, int):
            headers = [number for number, line in enumerate(lines) if line.strip().startswith(f"[[{table}]]")]
            at = headers[part] if part < len(headers) else at
            continue
        for number in range(at, len(lines)):
            line = lines[number].strip()
            if number > at and line.startswith("[") and part != line.strip("[]"):
                if table:
                    break
                continue
            if re.match(rf"{re.escape(part)}\s*=", line) or line.strip("[]") == part:
                at = number
                break
        table = part
    return at + 1
