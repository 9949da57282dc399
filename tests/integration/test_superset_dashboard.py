"""The dashboards, from their files to a browser's screen: PostgreSQL, Trino and Superset over a small made-up lake.

Who may do what is asked of the servers themselves: Trino of its rules, Superset of its roles.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from trino.dbapi import Connection, connect
from trino.exceptions import TrinoUserError

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


def trino(settings: Settings, user: str) -> Connection:
    address = urlsplit(settings.trino)
    return connect(host=address.hostname, port=address.port, user=user, catalog="lake", schema="market")


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


@pytest.mark.parametrize("user", ["superset", "analyst", "tickhouse"])
@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("INSERT INTO bars_1m (symbol) VALUES ('ACME')", r"Access Denied: Cannot insert into table .*bars_1m"),
        ("DELETE FROM alerts", r"Access Denied: Cannot delete from table .*alerts"),
        ("UPDATE alerts SET rule = 'none'", r"Access Denied: Cannot update .*alerts"),
        ("DROP TABLE trades", r"Access Denied: Cannot drop table .*trades"),
        ("CREATE TABLE mine (a bigint)", r"Access Denied: Cannot create table .*mine"),
        ("ALTER TABLE trades EXECUTE optimize", r"Access Denied: Cannot execute table procedure"),
        ("CREATE SCHEMA mine", r"Access Denied: Cannot create schema .*mine"),
    ],
)
def test_nobody_writes_through_trino(stack: Settings, user: str, statement: str, refusal: str) -> None:
    with trino(stack, user) as connection, pytest.raises(TrinoUserError, match=refusal):
        connection.cursor().execute(statement)


def test_whom_the_rules_name_reads(stack: Settings) -> None:
    for user in ("superset", "analyst", "tickhouse"):
        with trino(stack, user) as connection:
            assert connection.cursor().execute("SELECT count(*) FROM alerts").fetchone() > [0]


def test_a_user_that_the_rules_do_not_name_sees_nothing(stack: Settings) -> None:
    with trino(stack, "stranger") as connection, pytest.raises(TrinoUserError, match="Access Denied"):
        connection.cursor().execute("SELECT count(*) FROM alerts")


def test_a_stranger_sees_nothing(stack: Settings) -> None:
    answer = httpx.get(f"{stack.superset}/api/v1/chart/", timeout=30)
    assert answer.status_code == 401


def test_the_analyst_sees_every_dashboard_and_can_edit_none(stack: Settings) -> None:
    with dashboards.Superset(stack, dashboards.ANALYST) as analyst:
        assert analyst.ids("dashboards").keys() == {board["uuid"] for board in dashboards.load("dashboards").values()}
        board = min(analyst.ids("dashboards").values())
        chart = min(analyst.ids("charts").values())
        for method, path in (
            ("PUT", f"/api/v1/dashboard/{board}"),
            ("DELETE", f"/api/v1/dashboard/{board}"),
            ("POST", "/api/v1/dashboard/"),
            ("PUT", f"/api/v1/chart/{chart}"),
            ("DELETE", f"/api/v1/chart/{chart}"),
            ("POST", "/api/v1/chart/"),
            ("POST", "/api/v1/dataset/"),
            ("POST", "/api/v1/sqllab/execute/"),
            ("POST", "/api/v1/assets/import/"),
            ("GET", "/api/v1/security/users/"),
        ):
            assert analyst.status(method, path) == 403, f"{method} {path}"


def test_an_analysts_browser_draws_every_dashboard(stack: Settings, tmp_path: Path) -> None:
    failed: list[str] = []
    with screenshots.browser() as page:
        screenshots.log_in_to_superset(page, stack, dashboards.ANALYST)
        page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
        for slug, number in BOARDS.items():
            screenshots.screenshot(
                page,
                stack.superset + screenshots.SUPERSET_DASHBOARD.format(slug=slug),
                tmp_path / f"{slug}.png",
                wait_for=partial(screenshots.dashboard_is_drawn, number=number),
                whole=True,
            )
            assert page.get_by_text("Edit dashboard").count() == 0
            assert (tmp_path / f"{slug}.png").stat().st_size > 100_000
    # Whoever looks, Superset tries to store which colour each series got: from an analyst it takes nothing.
    assert not [url for url in failed if "/colors?" not in url]
