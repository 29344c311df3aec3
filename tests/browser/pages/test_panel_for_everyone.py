"""Every page and dialog, both themes and widths, against the rules of WCAG 2.1 AA that a machine can check."""

from collections.abc import Callable
from typing import cast

import pytest
from playwright.sync_api import Page
from tests.browser.conftest import ROOT, WITHOUT_TRANSITIONS, themes
from tests.browser.pages.panel_views import OVERLAYS, UNREACHED, modules_with_overlays, walk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
OF_COLORS = ["color-contrast", "link-in-text-block"]
"""The rules among them whose result can change with the theme."""
RULES = {"desk": {"light": WCAG, "dark": OF_COLORS}, "phone": {"dark": WCAG}}
"""All rules at each width; those of colors in both themes, because colors do not depend on the width."""


TOO_SMALL = """() => [...document.querySelectorAll("main *, [data-portal] *")]
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())
        && !one.closest("svg") && parseFloat(getComputedStyle(one).fontSize) < 12)
    .map((one) => one.textContent)"""


def broken_rules(page: Page, rules: list[str]) -> list[str]:
    """Return the violated rules among those with these names or tags, with the elements that violate them.

    What is open on top of a page is looked at alone: the page below it is a view of its own.
    """
    return cast(
        list[str],
        page.evaluate(
            """(rules) => axe.run(
                document.querySelector("[data-portal] *") === null ? document : { include: ["[data-portal]"] },
                { runOnly: rules },
            ).then((result) =>
                result.violations.map((one) =>
                    `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`))""",
            rules,
        ),
    )


def test_everything_that_opens_is_among_the_views() -> None:
    assert modules_with_overlays() == {view.source for view in OVERLAYS} | set(UNREACHED)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_nothing_stands_in_the_way_of_anyone(
    recording: str, open_page: Callable[..., Page], keep_screenshot: Callable[..., None], size: str
) -> None:
    page = open_page(phone=size == "phone", dark=size == "phone")
    found = []
    for view in walk(page, recording, size):
        page.add_script_tag(path=AXE)
        page.add_style_tag(content=WITHOUT_TRANSITIONS)  # colors half-way between two themes have no contrast
        for theme in themes(page) if size == "desk" else ["dark"]:
            rules = RULES[size][theme]
            found += [f"{view.name}, {size}, {theme}: {one}" for one in broken_rules(page, rules)]
            keep_screenshot(page, f"{view.name}-{size}-{theme}", full_page=view.source == "")
        found += [f"{view.name}, {size}: smaller than 12 px: {text}" for text in page.evaluate(TOO_SMALL)]
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"{view.name}, {size}: {wider} px wider than the screen"] if wider > 0 else []
    assert not found, "\n".join(found)
