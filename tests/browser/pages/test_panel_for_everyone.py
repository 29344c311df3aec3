"""Every page and dialog, both themes and widths, against the rules of WCAG 2.1 AA that a machine can check."""

from collections.abc import Callable
from typing import cast

import pytest
from playwright.sync_api import Page, ViewportSize
from tests.browser.conftest import ROOT, SETTLED, WITHOUT_TRANSITIONS, themes
from tests.browser.pages.panel_views import (
    IS_COVERED,
    OVERLAYS,
    UNREACHED,
    View,
    in_order_of_visits,
    modules_with_overlays,
    visit,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
OF_COLORS = ["color-contrast", "link-in-text-block"]
"""The rules among them whose result can change with the theme, and not with the width."""
SIZES: dict[str, ViewportSize] = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}

TOO_SMALL = """() => [...document.querySelectorAll("main *, [data-portal] *")]
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())
        && !one.closest("svg") && parseFloat(getComputedStyle(one).fontSize) < 12)
    .map((one) => one.textContent)"""


def broken_rules(page: Page, view: View, rules: list[str]) -> list[str]:
    """Return the violated rules among those with these names or tags, with the elements that violate them.

    What is open on top of a page is looked at alone: the page below it is a view of its own.
    """
    assert page.evaluate(IS_COVERED) == (view.source != ""), f"{view.name}: is something open on top of the page?"
    return cast(
        list[str],
        page.evaluate(
            """([rules, isOnTop]) => axe.run(
                isOnTop ? { include: ["[data-portal]"] } : document, { runOnly: rules },
            ).then((result) =>
                result.violations.map((one) =>
                    `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`))""",
            [rules, view.source != ""],
        ),
    )


def test_everything_that_opens_is_among_the_views() -> None:
    assert modules_with_overlays() == {view.source for view in OVERLAYS} | set(UNREACHED)


def misfits(page: Page, where: str) -> list[str]:
    """Return texts that are too small to read, and how much the page is wider than the screen."""
    found = [f"{where}: smaller than 12 px: {text}" for text in page.evaluate(TOO_SMALL)]
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*found, f"{where}: {wider} px wider than the screen"] if wider > 0 else found


@pytest.mark.timeout(400)
def test_nothing_stands_in_the_way_of_anyone(
    recording: str, open_page: Callable[..., Page], keep_screenshot: Callable[..., None]
) -> None:
    """All rules are tried at both widths, and those of colors in both themes: each view is opened once."""
    page = open_page()
    found = []
    before = None
    for view in in_order_of_visits():
        for size in view.sizes[:1]:
            page.set_viewport_size(SIZES[size])
            visit(page, recording, view, after=before)
            before = view
            if not page.evaluate("'axe' in window"):
                page.add_script_tag(path=AXE)
                page.add_style_tag(content=WITHOUT_TRANSITIONS)  # colors half-way between two themes have no contrast
            for rules, theme in zip((WCAG, OF_COLORS), themes(page), strict=True):
                where = f"{view.name}-{size}-{theme}"
                found += [f"{where}: {one}" for one in broken_rules(page, view, rules)]
                keep_screenshot(page, where, full_page=view.source == "")
            found += misfits(page, where)
        for size in view.sizes[1:]:
            page.set_viewport_size(SIZES[size])
            page.evaluate(SETTLED)
            where = f"{view.name}-{size}-{theme}"
            found += [f"{where}: {one}" for one in broken_rules(page, view, WCAG)] + misfits(page, where)
            keep_screenshot(page, where, full_page=view.source == "")
    assert not found, "\n".join(found)
