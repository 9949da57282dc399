"""Pictures of the web pages of a running stack, taken by a real browser: for the README, and for tests that look.

    python -m stack.screenshots docs/images       # Dagster's lineage and last run, the dashboards, Flink's jobs

The browser is the system's Chromium (Debian: `apt-get install chromium`), or the one that `TICKHOUSE_CHROMIUM` names.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
from playwright.sync_api import Error, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as TooLateError
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from stack.dashboards import MAY_BE_EMPTY, USERNAME, load, password
from streaming.contracts.settings import Settings, settings

FLAGS = (
    "--no-sandbox",  # the sandbox cannot start as root, as in containers; only our own pages are opened
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--force-color-profile=srgb",
)
SUPERSET_DASHBOARD = "/superset/dashboard/{slug}/?standalone=1"
PATIENCE = 300_000
"""Milliseconds that a page may take."""
LOGIN = 45_000
"""Milliseconds after which it is tried again."""


FILLED = "canvas, table tbody tr, .header-line"
"""What a chart of Superset consists of when it has data: a picture, a table, a number (its trend may be one point)."""
EMPTY = ".no-results-title, .ant-empty"
"""The words that there is none."""
FAILED = ".ant-alert-error, [data-test=error-container]"
CANVASES_ARE_PAINTED = """() => {
    const charts = [...document.querySelectorAll('[data-test=chart-grid-component]')];
    const canvases = charts.filter(chart => !chart.querySelector('.header-line'))
        .flatMap(chart => [...chart.querySelectorAll('canvas')]);
    const pixels = canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return canvases.every(canvas => pixels(canvas).some(value => value));
}"""


class NoBrowserError(Exception):
    """There is no Chromium; the message says how to get one."""


def chromium() -> str:
    """The path of the browser."""
    found = os.environ.get("TICKHOUSE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        raise NoBrowserError("no Chromium: `apt-get install chromium`, or set TICKHOUSE_CHROMIUM to its path")
    return found


class NotDrawnError(Exception):
    """A page did not show what it should; the message names a picture of what it showed."""


@contextmanager
def browser(width: int = 1600, height: int = 1000) -> Iterator[Page]:
    """A page of a fresh browser, of `width` × `height` pixels, that speaks English and lives in UTC."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            context = running.new_context(
                viewport={"width": width, "height": height}, locale="en-US", timezone_id="UTC"
            )
            context.set_default_timeout(PATIENCE)
            yield context.new_page()
        finally:
            running.close()


def screenshot(
    page: Page,
    url: str,
    path: Path,
    *,
    wait_for: str | Callable[[Page], None],
    whole: bool = False,
) -> None:
    """Open `url` and save what is seen as a PNG file.

    `wait_for` is a selector that must become visible, or a function that returns when the page is ready. `whole` takes
    the page to its end instead of the window. NotDrawnError where the page is not ready in time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    window = page.viewport_size
    try:
        page.goto(url)
        _wait(page, wait_for)
        if whole and window:  # a window as tall as the page: what is below the fold would be drawn while it is taken
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": window["width"], "height": height})
            _wait(page, wait_for)
        page.screenshot(path=path, full_page=whole, animations="disabled")
    except (Error, AssertionError) as error:
        seen = path.with_suffix(".failed.png")
        page.screenshot(path=seen)
        raise NotDrawnError(f"{url} was not drawn ({seen} shows what was): {error}") from error
    finally:
        if window:
            page.set_viewport_size(window)


def _wait(page: Page, wait_for: str | Callable[[Page], None]) -> None:
    if callable(wait_for):
        wait_for(page)
    else:
        page.locator(wait_for).first.wait_for()


@retry(retry=retry_if_exception_type(TooLateError), stop=stop_after_attempt(5), reraise=True)
def log_in_to_superset(page: Page, settings: Settings, username: str = USERNAME) -> None:
    """Through the form, as a person does: again where the page was not ready yet, and forgot what was typed."""
    page.goto(f"{settings.superset}/login/")
    page.locator("input#username").fill(username)
    page.locator("input#password").fill(password(settings, username))
    page.locator("button[type=submit]").click()
    page.wait_for_url(lambda url: "/login" not in url, timeout=LOGIN)


def dashboards() -> dict[str, int]:
    """The number of charts on each of our dashboards, by its name in the address."""
    return {
        board["slug"]: sum(isinstance(node, dict) and node["type"] == "CHART" for node in board["position"].values())
        for board in load("dashboards").values()
    }


def dashboard_is_drawn(page: Page, number: int, may_be_empty: frozenset[str] = frozenset()) -> None:
    """Wait until the `number` charts of the open Superset dashboard show something.

    AssertionError names those that failed, and those without data whose title is not one of `may_be_empty`.
    """
    charts = page.locator("[data-test=chart-grid-component]")
    expect(charts).to_have_count(number, timeout=PATIENCE)
    ended = charts.filter(has=page.locator(f"{FILLED}, {EMPTY}, {FAILED}"))
    expect(ended).to_have_count(number, timeout=PATIENCE)
    expect(page.locator("[data-test=loading-indicator]")).to_have_count(0, timeout=PATIENCE)
    failed = [chart.inner_text() for chart in charts.filter(has=page.locator(FAILED)).all()]
    if failed:
        raise AssertionError("charts failed: " + " | ".join(failed))
    empty = {chart.inner_text().partition("\n")[0] for chart in charts.filter(has=page.locator(EMPTY)).all()}
    if empty - may_be_empty:
        raise AssertionError("charts without data: " + ", ".join(sorted(empty - may_be_empty)))
    page.wait_for_function(CANVASES_ARE_PAINTED)
    page.wait_for_timeout(2000)  # ECharts draws its lines over a second


def dagster_is_drawn(page: Page) -> None:
    """Wait until Dagster has laid its picture out."""
    page.wait_for_load_state("networkidle")
    expect(page.get_by_text("Loading", exact=False)).to_have_count(0, timeout=PATIENCE)
    page.wait_for_timeout(2000)


def flink_is_drawn(page: Page) -> None:
    """Wait until Flink has drawn the graph of a job, with what flowed through it."""
    page.locator("flink-node, .node").first.wait_for(state="attached")
    expect(page.get_by_text("loading...")).to_have_count(0, timeout=PATIENCE)
    page.wait_for_timeout(2000)


def last_successful_run(settings: Settings) -> str | None:
    """The id of the last Dagster run that succeeded."""
    query = "{ runsOrError(filter: {statuses: [SUCCESS]}, limit: 1) { ... on Runs { results { runId } } } }"
    answer = httpx.post(f"{settings.dagster}/graphql", json={"query": query}, timeout=60).raise_for_status().json()
    runs = answer["data"]["runsOrError"]["results"]
    return runs[0]["runId"] if runs else None


def picture_book(settings: Settings, folder: Path) -> list[Path]:
    """The README's pictures, from a stack that runs and has data; the files written."""
    made: list[Path] = []
    with browser() as page:

        def take(name: str, url: str, wait_for: str | Callable[[Page], None], whole: bool = False) -> None:
            screenshot(page, url, folder / name, wait_for=wait_for, whole=whole)
            made.append(folder / name)

        log_in_to_superset(page, settings)
        for slug, number in dashboards().items():
            take(
                f"superset-{slug.removeprefix('tickhouse-')}.png",
                settings.superset + SUPERSET_DASHBOARD.format(slug=slug),
                partial(dashboard_is_drawn, number=number, may_be_empty=MAY_BE_EMPTY),
                whole=True,
            )
        page.set_viewport_size({"width": 2200, "height": 1300})  # smaller, and the boxes lose their colours
        take("dagster-lineage.png", f"{settings.dagster}/asset-groups", dagster_is_drawn)
        page.set_viewport_size({"width": 1600, "height": 1000})
        run = last_successful_run(settings)
        if run:
            take("dagster-run.png", f"{settings.dagster}/runs/{run}", dagster_is_drawn)
        take("flink-jobs.png", f"{settings.flink}/#/overview", "text=tickhouse-raw")
        jobs = httpx.get(f"{settings.flink}/jobs/overview", timeout=60).raise_for_status().json()["jobs"]
        running = [job["jid"] for job in jobs if (job["name"], job["state"]) == ("tickhouse-analytics", "RUNNING")]
        if running:
            take("flink-job.png", f"{settings.flink}/#/job/running/{running[0]}/overview", flink_is_drawn)
    return made


def main() -> None:
    """Take the pictures of the running stack."""
    parser = argparse.ArgumentParser(prog="python -m stack.screenshots", description="Photograph the running stack.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs/images"))
    try:
        for path in picture_book(settings(), parser.parse_args().folder):
            sys.stdout.write(f"{path}\n")
    except (NoBrowserError, NotDrawnError, Error, httpx.HTTPError) as error:
        sys.exit(f"no picture: {error}")


if __name__ == "__main__":
    main()
