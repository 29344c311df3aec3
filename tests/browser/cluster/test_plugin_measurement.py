"""A plugin of less than thirty lines adds a quantity, which is then found in the table, the API and a chart."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from pioreactor.storage.paths import Paths

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PLUGIN = Path(__file__).parent / "ph_plugin.py"
WITHIN_S = 60.0


def _stored(database: Path) -> list[tuple[str, float]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT pioreactor_unit, ph FROM ph_readings").fetchall()


def _wait_for_rows(database: Path) -> list[tuple[str, float]]:
    """Return the stored readings as soon as there are two."""
    deadline = time.monotonic() + WITHIN_S
    while len(rows := _stored(database)) < 2:
        assert time.monotonic() < deadline, f"{len(rows)} readings in the table after {WITHIN_S} s"
        time.sleep(0.5)
    return rows


def test_a_quantity_of_a_plugin_is_stored_served_and_drawn(
    tmp_path: Path,
    start_demo: Callable[..., AbstractContextManager[Any]],
    open_page: Callable[..., Page],
    keep_screenshot: Callable[..., None],
) -> None:
    assert len(PLUGIN.read_text().splitlines()) < 30
    for unit in ("leader", "worker1"):
        plugins = Paths.below(tmp_path / unit).plugins
        plugins.mkdir(parents=True)
        shutil.copy(PLUGIN, plugins)
    with start_demo("--speed", "20", "--no-jobs", "--data", str(tmp_path)) as cluster:
        page = open_page()
        page.goto(cluster.address)
        page.get_by_label("Name").fill(cluster.username)
        page.get_by_label("Password").first.fill(cluster.password)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("Live", exact=True)).to_be_visible()

        api = f"{cluster.address}/api"
        experiment = page.request.get(f"{api}/experiments").json()[0]["experiment"]
        run = f"{api}/workers/worker1/jobs/run/job_name/ph_reading/experiments/{experiment}"
        started = page.request.post(run, data={}, headers={"Origin": cluster.address})
        assert started.status == 202, started.text()

        rows = _wait_for_rows(Paths.below(tmp_path / "leader").database)
        assert set(rows) == {("worker1", 6.9)}

        chart = page.get_by_test_id("chart-ph")
        expect(chart).to_contain_text("6.90", timeout=WITHIN_S * 1000)
        expect(chart.locator("canvas").first).to_be_visible()
        keep_screenshot(page, "plugin-measurement")

        history = page.request.get(f"{api}/experiments/{experiment}/time_series/ph_readings").json()
        assert history["series"] == ["worker1"]
        assert {point["y"] for point in history["data"][0]} == {6.9}
