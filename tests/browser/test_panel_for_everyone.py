"""Every page, light and dark, against the rules of WCAG 2.1 AA that a machine can check."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import SETTLED, themes

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

AXE = Path(__file__).resolve().parent.parent.parent / "ui" / "node_modules" / "axe-core" / "axe.min.js"

PAGES = [
    "overview",
    "overview?units=12",
    "overview?signed-out",
    "pioreactors",
    "pioreactors/reactor-01",
    "experiment-profiles",
    "logs",
    "experiments",
    "inventory",
    "calibrations",
    "calibrations/new",
    "config",
]


WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
OF_COLORS = ["color-contrast", "link-in-text-block"]
"""The rules among them whose result can change with the theme; the top bar, too, is checked with all in both."""


def broken_rules(page: Page, rules: list[str]) -> list[str]:
    """Return the violated rules among those with these names or tags, with the elements that violate them."""
    return cast(
        list[str],
        page.evaluate(
            """(rules) => axe.run({ runOnly: rules }).then((result) =>
                result.violations.map((one) =>
                    `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`))""",
            rules,
        ),
    )


def test_nothing_stands_in_the_way_of_anyone(recording: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    found = []
    for name in PAGES:
        page.goto(f"{recording}/{name}")
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        page.evaluate(SETTLED)
        page.add_script_tag(path=AXE)
        for theme in themes(page):
            all_rules = theme == "light" or name == PAGES[0]
            found += [f"{name}, {theme}: {one}" for one in broken_rules(page, WCAG if all_rules else OF_COLORS)]
    assert not found, "\n".join(found)
