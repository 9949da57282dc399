"""Starts a job through Dagster's web server, where everybody can see it, and waits for its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from streaming.contracts.settings import Settings

POLL_SECONDS = 1.0
ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})


@dataclass(frozen=True)
class Step:
    """A step of a run: Dagster's state of it, and the seconds that it took (none while it runs)."""

    name: str
    state: str
    seconds: float | None


@dataclass(frozen=True)
class Check:
    """An asset check of a run: whether it passed, and of which asset it is."""

    asset: str
    name: str
    passed: bool
    severity: str


@dataclass(frozen=True)
class Run:
    """A run that is over. `url` shows it in Dagster's UI."""

    run_id: str
    state: str
    seconds: float
    steps: list[Step]
    checks: list[Check]
    url: str

    @property
    def succeeded(self) -> bool:
        """Every step ran, and every check that counts as an error passed."""
        return self.state == "SUCCESS" and all(check.passed or check.severity == "WARN" for check in self.checks)


class RunNotFoundError(RuntimeError):
    """Dagster does not know the run."""


def ignore(step: Step) -> None:
    """The listener of who does not want to know."""


def launch(
    settings: Settings,
    job: str = "nightly",
    progress: Callable[[Step], None] = ignore,
    timeout: float = 3600,
) -> Run:
    """Run a job to its end; `progress` hears of each step whenever its state changes.

    Raises DagsterGraphQLClientError where Dagster refuses or does not answer, TimeoutError after `timeout` seconds
    (the run goes on).
    """
    run_id = submit(settings, job)
    deadline = time.monotonic() + timeout
    told: dict[str, str] = {}
    checks: list[Check] = []
    cursor: str | None = None
    with httpx.Client(base_url=settings.dagster, timeout=30) as dagster:
        while True:
            found = look(dagster, run_id, cursor)
            events = found["eventConnection"]
            cursor = events["cursor"]
            checks += [check(event["evaluation"]) for event in events["events"] if "evaluation" in event]
            steps = [step(stats) for stats in found["stepStats"]]
            for one in steps:
                if told.get(one.name) != one.state:
                    told[one.name] = one.state
                    progress(one)
            url = f"{settings.dagster}/runs/{run_id}"
            if found["status"] in ENDED and not events["hasMore"]:
                seconds = (found["endTime"] or 0.0) - (found["startTime"] or found["endTime"] or 0.0)
                return Run(run_id, found["status"], seconds, steps, checks, url)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} is still {found['status']} after {timeout:.0f} s")
            if not events["hasMore"]:
                time.sleep(POLL_SECONDS)


@retry(
    retry=retry_if_exception_type(DagsterGraphQLClientError),
    wait=wait_fixed(2),
    stop=stop_after_delay(60),
    reraise=True,
)
def submit(settings: Settings, job: str) -> str:
    """Start a job. Returns the id of its run. Tries for a minute: the code may not be loaded yet."""
    address = urlsplit(settings.dagster)
    client = DagsterGraphQLClient(address.hostname or "", port_number=address.port, use_https=address.scheme == "https")
    return client.submit_job_execution(job)


def look(dagster: httpx.Client, run_id: str, cursor: str | None = None) -> dict[str, Any]:
    """A run as it is now, with its events after the cursor; RunNotFoundError where there is none of this id."""
    query = Path(__file__).with_suffix(".graphql").read_text(encoding="utf-8")
    answer = dagster.post("/graphql", json={"query": query, "variables": {"id": run_id, "cursor": cursor}})
    found: dict[str, Any] = answer.raise_for_status().json()["data"]["runOrError"]
    if found["__typename"] != "Run":
        raise RunNotFoundError(f"run {run_id}: {found['__typename']}")
    return found


def step(stats: dict[str, Any]) -> Step:
    """A step from Dagster's answer."""
    took = stats["endTime"] - stats["startTime"] if stats["endTime"] and stats["startTime"] else None
    return Step(stats["stepKey"], stats["status"] or "STARTING", took)


def check(evaluation: dict[str, Any]) -> Check:
    """An asset check from Dagster's answer."""
    asset = "/".join(evaluation["assetKey"]["path"])
    return Check(asset, evaluation["checkName"], evaluation["success"], evaluation["severity"])
