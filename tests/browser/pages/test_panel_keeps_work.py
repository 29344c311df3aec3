"""What a person wrote, focused or linked is still there: over reloads, other pages, blocked storage and lost parts."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

WITHOUT_STORAGE = """for (const name of ["localStorage", "sessionStorage"])
    Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });"""
"""What browsers do where a person or a policy blocks the storage of sites."""


def test_text_that_is_not_saved_outlives_a_reload_and_other_pages(
    recording: str, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{recording}/config")
    text = page.get_by_label("Configuration text")
    expect(text).to_have_value(re.compile("leader_hostname"))
    text.fill(text.input_value() + "\n# not saved yet")
    page.reload()
    expect(text).to_have_value(re.compile("# not saved yet"))
    expect(page.get_by_text("Changes of an earlier visit that were not saved are shown.")).to_be_visible()
    page.get_by_role("link", name="Overview").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Stay").click()
    expect(page.get_by_role("heading", level=1, name="Configuration")).to_be_visible()
    page.get_by_role("link", name="Overview").first.click()
    dialog.get_by_role("button", name="Leave").click()
    page.get_by_role("button", name="Record event").click()
    page.get_by_label("What happened").fill("New bottle, batch 7")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Configuration").first.click()
    expect(text).to_have_value(re.compile("# not saved yet"))
    page.get_by_role("button", name="Discard them").click()
    expect(text).not_to_have_value(re.compile("# not saved yet"))
    page.get_by_role("link", name="Overview").first.click()
    page.get_by_role("button", name="Record event").click()
    expect(page.get_by_label("What happened")).to_have_value("New bottle, batch 7")


def test_the_focus_enters_what_opens_and_returns_to_what_opened_it(
    recording: str, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{recording}/overview")
    expect(page.locator("canvas").first).to_be_visible()
    for name in ("Record event", "Control all", "From … to …", "Charts", "Save Temperature", "More actions"):
        opener = page.get_by_role("button", name=name, exact=True)
        opener.focus()
        page.keyboard.press("Enter")
        opened = page.locator("[role=dialog], [role=menu]").filter(visible=True)
        expect(opened).to_be_visible()
        expect(opened.locator(":focus")).to_have_count(1)
        page.keyboard.press("Escape")
        expect(opened).to_have_count(0)
        expect(opener).to_be_focused()
    page.get_by_role("link", name="Events").first.click()
    expect(page.get_by_role("heading", level=1, name="Events")).to_be_visible()
    expect(page.locator("#content")).to_be_focused()


def test_the_panel_works_where_the_storage_of_sites_is_blocked(recording: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.add_init_script(WITHOUT_STORAGE)
    page.goto(f"{recording}/overview")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()
    page.get_by_text("12 h", exact=True).click()
    page.get_by_role("button", name="Record event").click()
    page.get_by_label("What happened").fill("Fed by hand")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Configuration").first.click()
    expect(page.get_by_label("Configuration text")).to_have_value(re.compile("leader_hostname"))
    page.get_by_role("link", name="Overview").first.click()
    page.get_by_role("button", name="Record event").click()
    expect(page.get_by_label("What happened")).to_have_value("Fed by hand")
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("lost", [1, 2], ids=["once", "of a release that is gone"])
def test_a_part_of_the_panel_that_failed_loads_again(recording: str, open_page: Callable[..., Page], lost: int) -> None:
    page = open_page()
    failed: list[str] = []

    def answer(route: Route) -> None:
        if len(failed) < lost:
            failed.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.clock.install()
    page.route(re.compile(r"/assets/Events-[^/]*\.js"), answer)
    page.goto(f"{recording}/overview")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.clock.fast_forward(15_000)  # a page that has just been loaded is not loaded again
    page.get_by_role("link", name="Events").first.click()
    expect(page.get_by_role("heading", level=1, name="Events")).to_be_visible()
    assert len(failed) == lost
