"""Measures how long a cold page of a demo takes to its first chart, as a multiple of fixed work in the same browser.

Run `python -m bench.first_chart [ROUNDS]`; it needs Chromium, Playwright and the built pages. The goal is 1 s, and 3 s
at a CPU slowed four times. The yardstick sorts a million numbers in an empty page; rounds alternate so that a busy
machine slows both alike.
"""

import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, StorageState, sync_playwright

from pioreactor.testing.ports import free_ports

GOAL_S = {1: 1.0, 4: 3.0}
"""By how many times slower the processor is made for the page."""
GROWS_FOR_S = 20.0
"""In real time, at twenty times its speed: what the charts have to fetch and draw."""

WATCH = """() => {
    const isDrawn = () => [...document.querySelectorAll('[data-testid^="chart-"]')].some((chart) => {
        const canvas = chart.querySelector("canvas");
        return canvas && canvas.width > 0 && !/Fetching|Nothing measured/.test(chart.textContent)
            && /\\d/.test(chart.querySelector("ul")?.textContent ?? "");
    });
    const check = () => isDrawn() ? (window.firstChartMs = performance.now()) : requestAnimationFrame(check);
    requestAnimationFrame(check);
}"""
YARDSTICK = """() => {
    let seed = 1;
    const values = Array.from({ length: 1e6 }, () => (seed = (seed * 16807) % 2147483647));
    const began = performance.now();
    values.sort((a, b) => a - b);
    return performance.now() - began;
}"""


@contextmanager
def demo() -> Iterator[tuple[str, str, str]]:
    """Run a demo of two reactors and give its address, user and password."""
    pio = Path(sys.executable).parent / "pio"
    command = [str(pio), "demo", "--speed", "20", "--port", str(free_ports(4))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        output = ""
        access = None
        while access is None:
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"the demo ended before it was ready:\n{output}")
            output += line
            access = re.search(r"Open\s+(\S+).*Sign in as\s+(\S+).*Password\s+(\S+)", output, re.DOTALL)
        try:
            yield access[1], access[2], access[3]
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def signed_in(browser: Browser, address: str, user: str, password: str) -> StorageState:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        page.get_by_label("Name").fill(user)
        page.get_by_label("Password").first.fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Live", exact=True).wait_for(timeout=30_000)
        return context.storage_state()


def first_chart_s(browser: Browser, address: str, state: StorageState, slowdown: int = 1) -> float:
    """Return the time from navigation to a chart with its values, nothing being cached [s]."""
    with browser.new_context(storage_state=state, viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.add_init_script(f"({WATCH})()")
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
        page.goto(address, wait_until="commit")
        page.wait_for_function("() => window.firstChartMs", timeout=60_000)
        return float(page.evaluate("window.firstChartMs")) / 1000


def yardstick_s(browser: Browser) -> float:
    with browser.new_context() as context:
        return float(context.new_page().evaluate(YARDSTICK)) / 1000


def main(rounds: int = 9) -> None:
    """Print medians and the ratio."""
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    with demo() as (address, user, password), sync_playwright() as playwright:
        program = program or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        state = signed_in(browser, address, user, password)
        time.sleep(GROWS_FOR_S)
        took = [(first_chart_s(browser, address, state), yardstick_s(browser)) for _ in range(rounds)]
        slowed = [first_chart_s(browser, address, state, slowdown=4) for _ in range(rounds)]
        browser.close()
    chart_s, reference_s = (statistics.median(times) for times in zip(*took, strict=True))
    fastest_s = min(chart for chart, _ in took)
    print(f"first chart on a cold page  {chart_s:6.2f} s (fastest {fastest_s:.2f} s, goal {GOAL_S[1]} s)")
    slowed_s = statistics.median(slowed)
    print(f"at a CPU slowed four times  {slowed_s:6.2f} s (fastest {min(slowed):.2f} s, goal {GOAL_S[4]} s)")
    print(f"sorting a million numbers   {reference_s:6.2f} s")
    print(f"ratio                       {chart_s / reference_s:6.1f} x")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
