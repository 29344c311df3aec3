"""The panel with a made-up cluster: faults that a healthy one does not show, a crowd, a phone, the dark."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_a_lost_unit_is_labeled_and_shows_the_age_of_its_values(recording: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{recording}/overview")
    lost = page.get_by_test_id("unit-reactor-05")
    expect(lost.get_by_role("button", name="Stirring Lost")).to_be_visible()
    expect(lost.get_by_text(re.compile(r"\d+ min old")).first).to_be_visible()


def test_a_unit_that_does_not_answer_is_told_apart_from_those_that_did(
    recording: str, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{recording}/overview")
    page.get_by_role("button", name="Control all").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Activity").select_option("led_automation")
    dialog.get_by_role("button", name=re.compile("^Start ")).click()
    expect(dialog.get_by_text(re.compile("Refused: reactor-05: does not answer"))).to_be_visible()


def test_stopping_everything_asks_first_and_names_the_consequence(
    recording: str, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{recording}/pioreactors")
    page.get_by_role("button", name="Stop all activity").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile("Stops stirring.* 6 units"))).to_be_visible()
    dialog.get_by_role("button", name="Stop 6 units").click()
    expect(page.get_by_role("button", name="Stirring Off").first).to_be_visible()


@pytest.mark.parametrize("units", [8, 12, 30])
def test_many_units_leave_room_for_a_chart(recording: str, open_page: Callable[..., Page], units: int) -> None:
    for phone, screen_px in ((False, 900), (True, 2 * 844)):
        page = open_page(phone=phone)
        page.goto(f"{recording}/overview?units={units}")
        tiles = page.get_by_test_id(re.compile("^unit-reactor"))
        expect(tiles).to_have_count(min(units, 12) if phone else units)
        last = tiles.last.bounding_box()
        chart = page.get_by_role("img", name=re.compile(", chart")).first.bounding_box()
        assert last is not None and chart is not None
        assert last["y"] + last["height"] <= chart["y"]
        assert chart["y"] + chart["height"] <= screen_px, f"{units} units: the first chart ends at {chart}"


def test_units_are_searched_and_chosen_by_condition(recording: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{recording}/pioreactors?units=30")
    units = page.get_by_test_id(re.compile("^unit-reactor"))
    expect(units).to_have_count(30)
    page.get_by_label("Find a unit").fill("wild type")
    expect(units).to_have_count(2)
    page.get_by_label("Find a unit").fill("")
    page.get_by_label("Show units").select_option("attention")
    expect(page.get_by_test_id("unit-reactor-05")).to_be_visible()
    expect(page).to_have_url(re.compile("show=attention"))
    expect(units).not_to_have_count(30)


def test_a_stretch_of_time_is_chosen_and_linked(recording: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{recording}/overview")
    page.get_by_role("button", name="From … to …").click()
    last = page.get_by_label("To", exact=True).input_value()
    page.get_by_label("From", exact=True).fill(f"{last[:14]}00:00")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(re.compile(r"experiment=demo&from=.*&to=.*Z"))
    address = page.url
    other = open_page()
    other.goto(address)
    expect(other.get_by_role("button", name="Reset zoom")).to_be_visible()
    other.get_by_role("button", name="Save Temperature").click()
    with other.expect_download() as downloading:
        other.get_by_role("menuitem", name="Save as SVG").click()
    svg = downloading.value.path().read_text()
    assert "Temperature, demo" in svg
    assert svg.count("<path") == 6


def test_a_drag_zooms_every_chart_and_a_double_click_resets(recording: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{recording}/overview")
    chart = page.get_by_role("img", name=re.compile("^Optical density, chart"))
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 200, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, middle, steps=5)
    page.mouse.up()
    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    expect(page.get_by_test_id("chart-temperature").get_by_text(re.compile("^mean")).first).to_be_visible()
    page.mouse.dblclick(box["x"] + 300, middle)
    expect(page.get_by_role("button", name="Reset zoom")).to_have_count(0)


def test_a_unit_hidden_in_one_chart_is_hidden_in_all(recording: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{recording}/overview")
    page.get_by_test_id("chart-optical_density").get_by_role("button", name="Wild type A").click()
    other = page.get_by_test_id("chart-temperature").get_by_role("button", name="Wild type A")
    expect(other).to_have_attribute("aria-pressed", "false")


def test_a_chart_is_saved_as_numbers(recording: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{recording}/overview")
    expect(page.get_by_test_id("chart-temperature").get_by_role("button", name="Wild type A")).to_be_visible()
    page.get_by_role("button", name="Save Temperature").click()
    with page.expect_download() as downloading:
        page.get_by_role("menuitem", name="Save as CSV").click()
    lines = downloading.value.path().read_text().splitlines()
    assert lines[0] == 'timestamp,hours_since_start,series,"Temperature, °C"'
    assert len(lines) > 1000


def test_the_filters_of_the_log_are_in_the_address(recording: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{recording}/logs?unit=reactor-02&level=WARNING")
    expect(page.get_by_label("Unit")).to_have_value("reactor-02")
    expect(page.get_by_role("cell", name=re.compile("Measured RPM"))).to_be_visible()
    page.get_by_label("From level").select_option("ERROR")
    expect(page).to_have_url(re.compile("level=ERROR"))
    expect(page.get_by_text("No events match these filters.")).to_be_visible()


def test_the_pages_are_reached_with_the_keyboard(recording: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{recording}/overview")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.get_by_role("link", name="Events").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Events")).to_be_visible()


def test_records_that_wait_are_told_on_the_card_and_in_the_alarms(
    recording: str, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{recording}/overview")
    waiting = page.get_by_test_id("unit-reactor-03")
    expect(waiting.get_by_text(re.compile(r"^1.?204 records wait since \d\d:\d\d"))).to_be_visible()
    expect(page.get_by_test_id("unit-reactor-01").get_by_text("All data saved", exact=True)).to_be_visible()
    page.get_by_role("button", name=re.compile("alarm.*: show")).click()
    expect(page.get_by_text(re.compile("1204 records have waited"))).to_be_visible()


def test_dosing_that_a_power_cut_left_paused_says_so(recording: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{recording}/pioreactors/reactor-02")
    expect(page.get_by_text("Dosing came back paused after a power cut.")).to_be_visible()
    expect(page.get_by_text("Nothing is dosed until a person resumes it.")).to_be_visible()


def test_the_growth_rate_has_its_band_and_the_pump_its_gain(
    recording: str, open_page: Callable[..., Page], keep_screenshot: Callable[[Page, str], None]
) -> None:
    page = open_page()
    page.goto(f"{recording}/pioreactors/reactor-01?speed=60")
    expect(page.get_by_test_id("growth-reactor-01")).to_have_text(re.compile(r"^\d\.\d\d ± 0\.\d\d /h$"))
    expect(page.get_by_text("The media pump moves 4 % less than calibrated (± 2 %).")).to_be_visible()
    keep_screenshot(page, "unit-with-band")
