"""What a person is told of a run that Dagster carries out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from orchestration import run
from orchestration.run import Check, Run, RunNotFoundError, Step
from streaming.contracts.settings import Settings


def answer(status: str, step: str | None, *, checks: tuple[bool, ...] = (), more: bool = False) -> dict[str, Any]:
    stats = {"stepKey": "dbt_models", "status": step, "startTime": 10.0, "endTime": 12.5 if step == "SUCCESS" else None}
    evaluations = [
        {
            "checkName": f"check_{n}",
            "success": passed,
            "severity": "ERROR",
            "assetKey": {"path": ["marts", "positions"]},
        }
        for n, passed in enumerate(checks)
    ]
    return {
        "__typename": "Run",
        "status": status,
        "startTime": 9.0,
        "endTime": 13.0 if status == "SUCCESS" else None,
        "stepStats": [stats] if step else [],
        "eventConnection": {"cursor": "c", "hasMore": more, "events": [{"evaluation": one} for one in evaluations]},
    }


@pytest.fixture
def dagster(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes Dagster's web server answer with these, one after the other."""

    def serve(*found: dict[str, Any]) -> None:
        waiting = iter(found)

        def respond(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"data": {"runOrError": next(waiting)}})

        client = httpx.Client(transport=httpx.MockTransport(respond), base_url="http://dagster")
        monkeypatch.setattr(run.httpx, "Client", lambda **_: client)
        monkeypatch.setattr(run, "submit", lambda *_: "r1")
        monkeypatch.setattr(run, "POLL_SECONDS", 0.0)

    return serve


def test_each_step_is_told_when_its_state_changes(dagster: Callable[..., None]) -> None:
    dagster(
        answer("QUEUED", None),
        answer("STARTED", "IN_PROGRESS"),
        answer("STARTED", "IN_PROGRESS"),
        answer("SUCCESS", "SUCCESS"),
    )
    told: list[Step] = []
    ended = run.launch(Settings(dagster_url="http://dagster"), progress=told.append)
    assert told == [Step("dbt_models", "IN_PROGRESS", None), Step("dbt_models", "SUCCESS", 2.5)]
    assert (ended.run_id, ended.state, ended.seconds, ended.url) == ("r1", "SUCCESS", 4.0, "http://dagster/runs/r1")
    assert ended.succeeded


def test_checks_are_collected_to_the_last_page(dagster: Callable[..., None]) -> None:
    dagster(answer("SUCCESS", "SUCCESS", checks=(True,), more=True), answer("SUCCESS", "SUCCESS", checks=(False,)))
    ended = run.launch(Settings(dagster_url="http://dagster"))
    assert [check.passed for check in ended.checks] == [True, False]
    assert not ended.succeeded


def test_a_warning_is_no_failure() -> None:
    checks = [Check("market/trades", "late", passed=False, severity="WARN")]
    assert Run("r1", "SUCCESS", 1.0, [], checks, "").succeeded


def test_a_run_that_dagster_forgot(dagster: Callable[..., None]) -> None:
    dagster({"__typename": "RunNotFoundError"})
    with pytest.raises(RunNotFoundError, match="r1"):
        run.launch(Settings(dagster_url="http://dagster"))


def test_waiting_has_an_end(dagster: Callable[..., None]) -> None:
    dagster(answer("STARTED", "IN_PROGRESS"))
    with pytest.raises(TimeoutError, match="still STARTED"):
        run.launch(Settings(dagster_url="http://dagster"), timeout=-1)
