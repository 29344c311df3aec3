"""How long a person waits for each zoom into a chart of many rows, in Chromium, and whether the page stutters.

Run: python -m bench.zoom_in_browser [ROWS]; it needs Chromium, Playwright and the built pages. A real leader holds ROWS
rows of three quantities of ten units. One chart is zoomed by dragging over a third of it, again and again; the time
counts from the release of the mouse button until the detailed rows of all charts that show are drawn, a quarter of a
second of which is the panel's own wait. The yardstick sorts a million numbers in an empty page.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from bench.first_chart import signed_in, yardstick_s
from bench.site.leader import EXPERIMENT, HISTORY, Site, running
from pioreactor.identity import people
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.structs.rights import Rights

UNITS = 10
ROWS_PER_H = 720
PERSON, PASSWORD = "bench", "a long password of a bench"
ZOOMS = 6
SETTLED_MS = 600
"""How long no request may be under way before the detail counts as complete."""
WATCH = """() => {
    window.frames_ms = [];
    let last = performance.now();
    const next = (now) => {
        window.frames_ms.push(now - last);
        last = now;
        requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
}"""


class Requests:
    """Counts the requests for series of a page, and remembers when the last one ended."""

    def __init__(self, page: Page) -> None:
        self.asked = 0
        self.bytes = 0
        self.last_s = 0.0
        page.on("requestfinished", lambda request: self._finished(request.url, request.sizes()["responseBodySize"]))

    def _finished(self, url: str, size: int) -> None:
        if "/time_series/" in url:
            self.asked += 1
            self.bytes += size
            self.last_s = time.perf_counter()


def zoom(page: Page, requests: Requests) -> tuple[float, float]:
    """Drag over the middle third of the first chart; return the time to its detail [s] and the longest frame [s]."""
    chart = page.locator('[data-testid^="chart-"] .u-over').first
    box = chart.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 2 * box["width"] / 3, middle, steps=4)
    page.evaluate(f"({WATCH})()")
    began_s, before = time.perf_counter(), requests.asked
    page.mouse.up()
    page.wait_for_timeout(SETTLED_MS)
    while requests.asked == before or time.perf_counter() - requests.last_s < SETTLED_MS / 1e3:
        page.wait_for_timeout(20)
        if time.perf_counter() - began_s > 60.0:
            raise SystemExit("no detail was asked for within 60 s")
    return requests.last_s - began_s, max(page.evaluate("window.frames_ms")) / 1e3


def measure(browser: Browser, site: Site, hours: float) -> None:
    """Print a line for each zoom."""
    address = f"http://127.0.0.1:{site.port}/"
    state = signed_in(browser, address, PERSON, PASSWORD)
    with browser.new_context(storage_state=state, viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        requests = Requests(page)
        began_s = time.perf_counter()
        page.goto(f"{address}overview?window=all")
        page.locator('[data-testid^="chart-"] canvas').first.wait_for(timeout=60_000)
        page.wait_for_load_state("networkidle")
        print(f"{'stretch':>12}{'waited s':>10}{'frame s':>10}{'requests':>10}{'kB':>8}")
        print(f"{hours:>10,.0f} h{requests.last_s - began_s:>10.2f}{'':>10}{requests.asked:>10}", end="")
        print(f"{requests.bytes / 1e3:>8,.0f}")
        for _ in range(ZOOMS):
            asked, size = requests.asked, requests.bytes
            waited_s, frame_s = zoom(page, requests)
            hours /= 3
            print(f"{hours:>10,.2f} h{waited_s:>10.2f}{frame_s:>10.3f}{requests.asked - asked:>10}", end="")
            print(f"{(requests.bytes - size) / 1e3:>8,.0f}", flush=True)
    print(f"yardstick, sorting a million numbers: {yardstick_s(browser):.2f} s")


def add_person(site: Site) -> None:
    database = LeaderDatabase.open(site.database)
    try:
        people.add(database.people, PERSON, PASSWORD, Rights("operator"))
    finally:
        database.close()


def main(rows: int = 10_000_000) -> None:
    """Fill a leader, and zoom."""
    hours = rows / (len(HISTORY) * UNITS * ROWS_PER_H)
    folder = Path(tempfile.mkdtemp())
    try:
        with running(folder, UNITS, hours) as site, sync_playwright() as playwright:
            add_person(site)
            print(f"{rows:,} rows of {EXPERIMENT}: {len(HISTORY)} quantities, {UNITS} units, {hours:,.0f} h")
            program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
            program = program or playwright.chromium.executable_path
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            measure(browser, site, hours)
            browser.close()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
