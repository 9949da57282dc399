"""The dashboards, from their files to a browser's screen: PostgreSQL, Trino and Superset over a small made-up lake."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from stack import dashboards, screenshots
from streaming.contracts.settings import Settings
from tests.integration.made_up_lake import fill

pytestmark = pytest.mark.integration

BOARDS = screenshots.dashboards()


@pytest.fixture(scope="module")
def stack(fresh_stack: Callable[..., Settings]) -> Settings:
    settings = fresh_stack("postgres", "trino", "superset")
    fill(settings)
    return settings


def test_importing_twice_leaves_one_of_everything(stack: Settings) -> None:
    first = dashboards.import_dashboards(stack)
    with dashboards.Superset(stack) as superset:
        before = {kind: superset.ids(kind) for kind in dashboards.KINDS}
        second = dashboards.import_dashboards(stack)
        assert {kind: superset.ids(kind) for kind in dashboards.KINDS} == before
    assert first == second
    assert first["dashboards"] == len(BOARDS)


def test_initialising_again_does_nothing(stack: Settings) -> None:
    assert dashboards.initialise(stack) is False


def test_every_chart_has_rows(stack: Settings) -> None:
    rows = dashboards.chart_data(stack)
    assert rows
    assert not [name for name, found in rows.items() if not found]


def test_a_stranger_sees_nothing(stack: Settings) -> None:
    answer = httpx.get(f"{stack.superset}/api/v1/chart/", timeout=30)
    assert answer.status_code == 401


def test_a_browser_draws_every_dashboard(stack: Settings, tmp_path: Path) -> None:
    failed: list[str] = []
    with screenshots.browser() as page:
        page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
        screenshots.log_in_to_superset(page, stack)
        for slug, number in BOARDS.items():
            screenshots.screenshot(
                page,
                stack.superset + screenshots.SUPERSET_DASHBOARD.format(slug=slug),
                tmp_path / f"{slug}.png",
                wait_for=partial(screenshots.dashboard_is_drawn, number=number),
                whole=True,
            )
            assert (tmp_path / f"{slug}.png").stat().st_size > 100_000
    assert not failed
