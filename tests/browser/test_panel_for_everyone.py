"""Every page, light and dark, against the rules of WCAG 2.1 AA that a machine can check."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

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


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_stands_in_the_way_of_anyone(recording: str, open_page: Callable[..., Page], dark: bool) -> None:
    page = open_page(dark=dark)
    found = []
    for name in PAGES:
        page.goto(f"{recording}/{name}")
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        page.wait_for_load_state("networkidle")
        page.add_script_tag(path=AXE)
        broken = page.evaluate(
            """() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }).then((result) =>
                result.violations.map((one) =>
                    `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`))"""
        )
        found += [f"{name}: {one}" for one in broken]
    assert not found, "\n".join(found)
