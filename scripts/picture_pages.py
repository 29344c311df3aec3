"""Takes the pictures of docs/reference/pages-of-the-panel.md, of the panel with a made-up cluster behind it.

Run `python scripts/picture_pages.py`; it needs Chromium, Node.js and the packages of the UI, and takes about a minute.
"""

import functools
import http.server
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from find_chromium import find_chromium
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "pages-of-the-panel.md"
PICTURES = ROOT / "docs" / "images" / "pages"
_PICTURE = re.compile(r"!\[[^]]*\]\(\.\./images/pages/(?P<name>[a-z-]+)\.png\)")
_ADDRESS = re.compile(r"^`/(?P<address>[^`]*)`", re.MULTILINE)
_PATIENCE_MS = 60_000


class _OnePage(http.server.SimpleHTTPRequestHandler):
    """Serves the files of the panel, and its page at every other address."""

    def send_head(self) -> object:  # type: ignore[override]  # what the library returns has no name
        if not Path(self.translate_path(self.path)).is_file():
            self.path = "/index.html"
        return super().send_head()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextmanager
def served_panel() -> Iterator[str]:
    """Yield the address of the panel with a made-up cluster behind it."""
    with TemporaryDirectory() as folder:
        build = ["npx", "vite", "build", "--mode", "demo", "--outDir", folder, "--logLevel", "error"]
        subprocess.run(build, cwd=ROOT / "ui", check=True)
        handler = functools.partial(_OnePage, directory=folder)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            serving = threading.Thread(target=server.serve_forever)
            serving.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            serving.join()


def pictures_of(text: str) -> list[tuple[str, str]]:
    """Return name and address of each picture that a page of the documentation shows below an address."""
    names = [found["name"] for found in _PICTURE.finditer(text)]
    addresses = [found["address"] for found in _ADDRESS.finditer(text)]
    if len(names) != len(addresses):
        raise ValueError(f"{PAGE.name} has {len(addresses)} addresses and {len(names)} pictures")
    return list(zip(names, addresses, strict=True))


def take(page: Page, address: str, picture: Path) -> None:
    page.goto(address)
    page.get_by_role("heading", level=1).wait_for(timeout=_PATIENCE_MS)
    page.wait_for_function("!document.body.innerText.includes('Fetching ')", timeout=_PATIENCE_MS)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=picture, animations="disabled")


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with served_panel() as panel, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        for name, address in pictures_of(PAGE.read_text(encoding="utf-8")):
            take(page, f"{panel}/{address}", PICTURES / f"{name}.png")
            print(f"{name}: /{address}")
        browser.close()


if __name__ == "__main__":
    main()
