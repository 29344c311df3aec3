"""The tutorial of the panel is walked as it is written: its numbered steps are read, and done in a browser."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import ROOT, Cluster

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

TUTORIAL = ROOT / "docs" / "tutorials" / "first-hour-in-the-panel.md"
PATIENCE_MS = 60_000
BOLD = r"\*\*(.+?)\*\*"


def steps_of(path: Path) -> Iterator[str]:
    """Yield the sentences of the numbered steps, in order."""
    item = ""
    for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
        if re.match(r"\d+\. ", line):
            yield from sentences(item)
            item = line.split(". ", 1)[1]
        elif item and line.startswith("   "):
            item += " " + line.strip()
        else:
            yield from sentences(item)
            item = ""


def sentences(item: str) -> list[str]:
    """Split an item at the ends of sentences; a stop within bold words is none."""
    return [one.strip() for one in re.findall(r"(?:\*\*.+?\*\*|`.+?`|[^.])+(?:\.|$)", item)]


@dataclass
class Reader:
    """A person who does what the tutorial says, and nothing else."""

    page: Page
    words: dict[str, str]
    """What a person knows and the tutorial cannot: name and password."""

    @property
    def here(self) -> Page | Locator:
        """The open dialog, or else the page."""
        dialog = self.page.get_by_role("dialog")
        return dialog.last if dialog.count() else self.page

    def follow(self, sentence: str) -> None:
        for pattern, do in FORMS.items():
            found = re.fullmatch(pattern, sentence)
            if found:
                do(self, *found.groups())
                return
        raise AssertionError(f"a step in no known form: {sentence}")

    def press(self, name: str, unit: str | None = None) -> None:
        where: Page | Locator = self.here
        if unit is not None:
            card = self.page.get_by_test_id(f"unit-{unit}")
            card.get_by_role("button", name=re.compile(f"^{re.escape(name)}")).click()
            return
        button = where.get_by_role("button", name=name, exact=True)
        pressed = button.or_(where.get_by_role("link", name=name, exact=True)).first
        address = pressed.get_attribute("href")
        pressed.click()
        if address is not None:
            # The page before stays until the next one is loaded, and has fields of the same names.
            self.page.wait_for_url(lambda url: address in url, timeout=PATIENCE_MS)

    def open(self, name: str) -> None:
        link = self.page.get_by_role("navigation").get_by_role("link", name=name, exact=True).first
        link.click()
        expect(link).to_have_attribute("aria-current", "page", timeout=PATIENCE_MS)

    def enter(self, text: str, label: str) -> None:
        field = self.here.get_by_label(label).and_(self.page.locator("input:not([type=radio]), textarea"))
        field.first.fill(self.words.get(text, text))

    def choose(self, option: str, label: str) -> None:
        self.here.get_by_label(label, exact=True).select_option(label=option)

    def see(self, text: str) -> None:
        expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible(timeout=PATIENCE_MS)

    def close(self) -> None:
        self.page.keyboard.press("Escape")
        expect(self.page.get_by_role("dialog")).to_have_count(0)


FORMS: dict[str, Callable[..., None]] = {
    rf"Press {BOLD} in the card of {BOLD}\.": Reader.press,
    rf"Press {BOLD}\.": Reader.press,
    rf"Open {BOLD}\.": Reader.open,
    rf"Type `(.+?)` into {BOLD}\.": Reader.enter,
    rf"Choose {BOLD} under {BOLD}\.": Reader.choose,
    rf"You see {BOLD}\.?": Reader.see,
    r"Close the dialog\.": Reader.close,
}


def test_every_step_is_in_a_known_form() -> None:
    steps = list(steps_of(TUTORIAL))
    assert len(steps) >= 40
    unknown = [step for step in steps if not any(re.fullmatch(form, step) for form in FORMS)]
    assert unknown == []


def test_the_first_hour_is_as_the_tutorial_says(
    start_demo: Callable[..., AbstractContextManager[Cluster]],
    open_page: Callable[..., Page],
    keep_screenshot: Callable[..., None],
) -> None:
    with start_demo("--speed", "20") as cluster:
        page = open_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(cluster.address)
        reader = Reader(page, {"your name": cluster.username, "your password": cluster.password})
        done: list[str] = []
        for step in steps_of(TUTORIAL):
            done.append(step)
            try:
                reader.follow(step)
            except Exception as error:
                keep_screenshot(page, "tutorial-failed", full_page=False)
                raise AssertionError(f"the tutorial cannot be followed: {' '.join(done[-3:])}") from error
