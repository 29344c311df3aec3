"""Charts tell what their values are: at the cursor with its time, with their band, and whose OD is uncalibrated."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def overview(recording: str, open_page: Callable[..., Page]) -> Page:
    page = open_page()
    page.goto(f"{recording}/overview")
    return page


def chart_of(page: Page, key: str) -> Locator:
    chart = page.get_by_test_id(f"chart-{key}")
    expect(chart.locator("canvas").first).to_be_visible()
    chart.scroll_into_view_if_needed()
    return chart


def point_at(chart: Locator, share: float) -> None:
    box = chart.locator(".u-over").bounding_box()
    assert box is not None
    chart.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)


def test_the_cursor_has_a_time_and_growth_rates_have_the_digits_of_their_band(overview: Page) -> None:
    chart = chart_of(overview, "implied_growth_rate")
    values = chart.get_by_role("list").first
    expect(values).to_contain_text(re.compile(r"\d\.\d{1,3} ± \d\.\d{1,3}"))
    expect(chart.locator("header time")).to_have_count(0)
    point_at(chart, 0.3)
    expect(chart.locator("header time")).to_have_text(re.compile(r"\d+:\d\d"))
    early, before = chart.locator("header time").inner_text(), values.inner_text()
    point_at(chart, 0.9)
    expect(chart.locator("header time")).not_to_have_text(early)
    expect(values).not_to_have_text(before)


def test_the_band_of_the_past_is_fetched_and_not_only_what_arrives(overview: Page) -> None:
    """The first value at the cursor, long before the page was opened, has its band."""
    chart = chart_of(overview, "implied_growth_rate")
    point_at(chart, 0.2)
    expect(chart.get_by_role("list").first).to_contain_text("±")


def test_an_uncalibrated_optical_density_says_so_on_chart_and_card(overview: Page) -> None:
    chart = chart_of(overview, "optical_density")
    expect(chart.get_by_text(re.compile("^uncalibrated:"))).to_be_visible()
    expect(overview.get_by_text("OD, uncalibrated").first).to_be_visible()


def minute_of(text: str) -> int:
    """Return the minute of the day that is shown."""
    found = re.search(r"(\d+):(\d\d)", text)
    assert found is not None, text
    return 60 * int(found[1]) + int(found[2])


def test_a_note_is_placed_where_a_chart_is_clicked(overview: Page) -> None:
    chart = chart_of(overview, "temperature")
    overview.get_by_role("button", name="Place note").click()
    expect(overview.get_by_text("Click in a chart, at the time of the note.")).to_be_visible()
    chart.scroll_into_view_if_needed()
    point_at(chart, 0.5)
    shown = chart.locator("header time").inner_text()
    overview.mouse.down()
    overview.mouse.up()
    dialog = overview.get_by_role("dialog", name="Record event")
    when = dialog.get_by_label("When").input_value()
    dialog.get_by_label("What happened").fill("Placed in the middle")
    overview.keyboard.press("Escape")
    overview.get_by_text("Clock", exact=True).click()
    chart.scroll_into_view_if_needed()
    point_at(chart, 0.5)
    expect(chart.locator("header time")).not_to_have_text(shown)
    # What is shown moves with the time that passes between the two.
    assert abs(minute_of(chart.locator("header time").inner_text()) - minute_of(when[11:])) <= 5
    overview.get_by_role("button", name="Place note").click()
    chart.locator(".u-over").click()
    dialog.get_by_role("button", name="Record", exact=True).click()
    events = overview.get_by_role("region", name="Recent events")
    expect(events.get_by_text("Placed in the middle")).to_have_count(1)


def test_charts_are_chosen_and_stay_chosen(overview: Page) -> None:
    chart_of(overview, "temperature")
    overview.get_by_role("button", name="Charts", exact=True).click()
    overview.get_by_role("dialog").get_by_label("Temperature", exact=True).click()
    expect(overview.get_by_test_id("chart-temperature")).to_have_count(0)
    overview.get_by_role("button", name="As configured").click()
    expect(overview.get_by_test_id("chart-temperature")).to_have_count(1)


def test_two_experiments_are_compared_by_a_link(recording: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{recording}/experiments")
    page.get_by_role("button", name="Compare demo").click()
    page.get_by_label("Dashed lines").select_option("Stirring check")
    expect(page).to_have_url(re.compile("a=demo.*b=Stirring"))
    chart = chart_of(page, "temperature")
    box = chart.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 50, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"hours=[\d.]+-[\d.]+"))
    other = open_page()
    other.goto(page.url)
    expect(other.get_by_label("Dashed lines")).to_have_value("Stirring check")
    expect(other.get_by_role("button", name="Reset zoom")).to_be_visible()
    expect(other.get_by_test_id("chart-temperature").get_by_text(re.compile("^mean")).first).to_be_visible()
