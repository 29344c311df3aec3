"""Takes the picture of README.md: the overview of a demo, some minutes after its start.

Run `python scripts/take_screenshot.py [FILE]`; it needs Chromium and takes about two minutes.
"""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from find_chromium import find_chromium
from playwright.sync_api import sync_playwright

from pioreactor.testing.ports import free_ports

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "overview.png"
SPEED = 20
GROWS_FOR_S = 90.0
"""In real time; in the vials it is half an hour."""


def take(address: str, name: str, password: str, picture: Path) -> None:
    """Sign in, let the culture grow, and save what a person sees."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.get_by_role("textbox", name="Name").fill(name)
        page.locator("input[type=password]").fill(password)
        page.keyboard.press("Enter")
        time.sleep(GROWS_FOR_S)
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=picture)
        browser.close()


def main() -> None:
    picture = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    pio = Path(sys.executable).parent / "pio"
    command = [str(pio), "demo", "--speed", str(SPEED), "--port", str(free_ports(3))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        said = ""
        try:
            for line in demo.stdout:
                said += line
                found = re.search(r"Open\s+(\S+).*Sign in as\s+(\S+).*Password\s+(\S+)", said, re.DOTALL)
                if found:
                    take(found[1], found[2], found[3], picture)
                    break
        finally:
            demo.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
