"""The scores of alerts against labels, by the SQL text of the mart `surveillance_scores` itself, in a local Spark."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import numpy as np
import pyarrow as pa
from msgspec.structs import asdict
from numpy.typing import NDArray

from lakehouse.spark import engine
from stack.setup.jdk import jdk_home
from stack.surveillance.markets import Watched
from streaming.contracts.events import AbuseKind
from streaming.contracts.settings import PROJECT, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

KINDS: tuple[str, ...] = get_args(AbuseKind)
MODELS = PROJECT / "dbt" / "models"
MATCHES = MODELS / "intermediate" / "int_alert_matches.sql"
SCORES = MODELS / "marts" / "surveillance" / "surveillance_scores.sql"
REF = re.compile(r"\{\{ ref\('(\w+)'\) \}\}")
TIME = pa.timestamp("us", tz="UTC")
ABOUT = [("symbol", pa.string()), ("trader_ids", pa.list_(pa.int64())), ("began_at", TIME), ("ended_at", TIME)]
ALERTS = pa.schema(
    [
        *ABOUT,
        ("alert_id", pa.string()),
        ("rule", pa.string()),
        ("score", pa.float64()),
        ("threshold", pa.float64()),
        ("event_time", TIME),
    ]
)
EPISODES = pa.schema(
    [
        *ABOUT,
        ("episode_id", pa.string()),
        ("kind", pa.string()),
        ("intensity", pa.float64()),
        ("scenario", pa.string()),
    ]
)


class Score(msgspec.Struct, frozen=True):
    """A row of the mart with scenario `all`: how well a rule found its kind. Counts, and seconds of delay."""

    kind: str
    episodes: int = 0
    found: int = 0
    blatant_episodes: int = 0
    blatant_found: int = 0
    alerts: int = 0
    true_alerts: int = 0
    misnamed_alerts: int = 0
    median_delay_seconds: float | None = None

    @property
    def false_alerts(self) -> int:
        """Alerts that speak of no episode of the kind."""
        return self.alerts - self.true_alerts


class Curve(msgspec.Struct, frozen=True):
    """Precision and recall were a rule's bound `times` as high as it is; recall is of all episodes of the kind."""

    times: list[float]
    precision: list[float]
    recall: list[float]


class Judged(msgspec.Struct, frozen=True):
    """A group of markets: a score and a curve for each kind."""

    symbol_days: int
    scores: dict[str, Score]
    curves: dict[str, Curve]

    @property
    def total(self) -> Score:
        """All kinds together; without a delay."""
        names = [name for name in Score.__struct_fields__ if name not in ("kind", "median_delay_seconds")]
        sums = {name: sum(getattr(score, name) for score in self.scores.values()) for name in names}
        return Score("all", **sums)


@contextmanager
def session(settings: Settings) -> Iterator[SparkSession]:
    """A Spark of one process, without the lake."""
    from pyspark.sql import SparkSession

    os.environ["JAVA_HOME"] = str(jdk_home(settings, "spark"))
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    builder = SparkSession.builder.appName("surveillance-scores").master("local[1]")
    for option, value in {**engine(settings), "spark.sql.shuffle.partitions": "1"}.items():
        builder = builder.config(option, value)
    spark = builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def judge(spark: SparkSession, markets: Sequence[Watched]) -> Judged:
    """The scores of a group of markets, as if all were symbols of one."""
    tables = staged(markets)
    for name, table in tables.items():
        spark.createDataFrame(table).createOrReplaceTempView(name)
    matches = spark.sql(_text(MATCHES)).toArrow()
    spark.createDataFrame(matches).createOrReplaceTempView(MATCHES.stem)
    rows = spark.sql(_text(SCORES)).where("scenario = 'all'").toArrow().to_pylist()
    scores = {kind: Score(kind) for kind in KINDS}
    for row in rows:
        scores[row["kind"]] = Score(**{name: row[name] for name in Score.__struct_fields__})
    ratios = {row["alert_id"]: row["score"] / row["threshold"] for row in tables["stg_market__alerts"].to_pylist()}
    curves = {kind: curve(kind, scores[kind].episodes, matches.to_pylist(), ratios) for kind in KINDS}
    return Judged(sum(market.symbol_days for market in markets), scores, curves)


def _text(file: Path) -> str:
    return REF.sub(r"\1", file.read_text(encoding="utf-8"))


def staged(markets: Sequence[Watched]) -> dict[str, pa.Table]:
    """The two staging models that the SQL reads, as far as it does; the number of its market is in front of a name."""
    alerts = [
        {
            **asdict(alert),
            "alert_id": f"{number}/{alert.alert_id}",
            "symbol": f"{number}/{alert.symbol}",
            "began_at": alert.begin,
            "ended_at": alert.end,
        }
        for number, market in enumerate(markets)
        for alert in market.alerts
    ]
    episodes = [
        {
            **asdict(episode),
            "episode_id": f"{number}/{episode.episode_id}",
            "symbol": f"{number}/{episode.symbol}",
            "began_at": episode.begin,
            "ended_at": episode.end,
        }
        for number, market in enumerate(markets)
        for episode in market.episodes
    ]
    return {
        "stg_market__alerts": pa.Table.from_pylist(alerts, ALERTS),
        "stg_market__ground_truth": pa.Table.from_pylist(episodes, EPISODES),
    }


def curve(kind: str, episodes: int, matches: Sequence[Mapping[str, Any]], ratios: Mapping[str, float]) -> Curve:
    """What a rule would be worth with higher bounds: only alerts whose score is so many times the bound."""
    true: dict[str, bool] = {}
    reached: dict[str, float] = {}
    for match in matches:
        if match["rule"] == kind:
            alert = match["alert_id"]
            true[alert] = true.get(alert, False) or match["is_of_kind"]
            if match["is_of_kind"]:
                reached[match["episode_id"]] = max(reached.get(match["episode_id"], 0.0), ratios[alert])
    strength = np.array([ratios[alert] for alert in true])
    right = np.array(list(true.values()), dtype=bool)
    found = np.array(list(reached.values()))
    times: NDArray[np.float64] = np.unique(strength)
    precision = [float(right[strength >= bound].mean()) for bound in times]
    recall = [float((found >= bound).sum() / max(episodes, 1)) for bound in times]
    return Curve(times.tolist(), precision, recall)
