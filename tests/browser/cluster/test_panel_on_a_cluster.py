"""A person at the panel of a real cluster: what is sent is confirmed by the unit, not by the server."""

import re
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Locator, Page, StorageState, expect
from tests.browser.conftest import Cluster

from pioreactor.testing.ports import free_ports

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

UNIT = "worker1"


@pytest.fixture
def panel(cluster: Cluster, open_page: Callable[..., Page], sign_in: Callable[[Cluster], StorageState]) -> Page:
    """Return an empty page of a person who is signed in."""
    return open_page(signed_in=sign_in(cluster))


@pytest.fixture
def overview(panel: Page, cluster: Cluster) -> Page:
    """Return the overview, once its live connection stands."""
    panel.goto(cluster.address)
    expect(panel.get_by_text("Live", exact=True)).to_be_visible()
    return panel


def open_activity(page: Page, name: str) -> Locator:
    page.get_by_test_id(f"unit-{UNIT}").get_by_role("button", name=re.compile(f"^{name}")).click()
    return page.get_by_role("dialog")


def test_a_wrong_password_is_refused_in_words(cluster: Cluster, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(cluster.address)
    page.get_by_label("Name").fill(cluster.username)
    page.get_by_label("Password").first.fill("not it")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_readings_arrive_without_reloading(overview: Page) -> None:
    number = overview.get_by_test_id(f"od-{UNIT}")
    expect(number).to_have_text(re.compile(r"\d"))
    before = number.inner_text()
    expect(number).not_to_have_text(before)


def test_a_changed_setting_is_confirmed_by_the_unit(overview: Page) -> None:
    dialog = open_activity(overview, "Stirring")
    dialog.get_by_role("textbox").first.fill("437")
    dialog.get_by_role("button", name=re.compile("^Set ")).first.click()
    expect(dialog.get_by_text("Confirmed by the unit")).to_be_visible()
    overview.reload()
    expect(open_activity(overview, "Stirring").get_by_role("textbox").first).to_have_value("437")


def test_a_value_out_of_range_cannot_be_sent(overview: Page) -> None:
    dialog = open_activity(overview, "Stirring")
    dialog.get_by_role("textbox").first.fill("99999")
    expect(dialog.get_by_text(re.compile("^At most"))).to_be_visible()
    expect(dialog.get_by_role("button", name=re.compile("^Set ")).first).to_be_disabled()


def test_an_activity_is_paused_resumed_stopped_and_started(overview: Page) -> None:
    dialog = open_activity(overview, "Stirring")
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog.get_by_text("Paused", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Resume").click()
    expect(dialog.get_by_text("On", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Stop").click()
    expect(dialog.get_by_text("Off", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Start").click()
    expect(dialog.get_by_text("On", exact=True)).to_be_visible()


def test_a_dose_by_hand_is_confirmed_when_liquid_moved(panel: Page, cluster: Cluster) -> None:
    panel.goto(f"{cluster.address}/pioreactors/{UNIT}")
    panel.get_by_label("Amount", exact=True).fill("0.5")
    panel.get_by_role("button", name="Add media 0.5 mL").click()
    expect(panel.get_by_role("region", name="Dose by hand").get_by_text("Confirmed by the unit")).to_be_visible()


def test_a_note_appears_in_the_log(overview: Page) -> None:
    overview.get_by_role("button", name="Record event").click()
    overview.get_by_label("What happened").fill("Changed the bottle at noon")
    overview.get_by_role("button", name="Record", exact=True).click()
    events = overview.get_by_role("region", name="Recent events")
    expect(events.get_by_text("Changed the bottle at noon")).to_have_count(1)


def test_a_label_is_shown_instead_of_the_name(panel: Page, cluster: Cluster) -> None:
    panel.goto(f"{cluster.address}/pioreactors/{UNIT}")
    panel.get_by_role("button", name="Label", exact=True).click()
    panel.get_by_role("dialog").get_by_role("textbox").fill("First vial")
    panel.get_by_role("button", name="Save", exact=True).click()
    expect(panel.get_by_role("heading", level=1, name="First vial")).to_be_visible()


def test_the_configuration_is_saved_and_its_last_version_kept(panel: Page, cluster: Cluster) -> None:
    panel.goto(f"{cluster.address}/config")
    text = panel.get_by_label("Configuration text")
    expect(text).to_have_value(re.compile("cluster.topology"))
    text.fill(text.input_value() + "\n# looked at\n")
    panel.get_by_role("button", name="Save", exact=True).click()
    expect(panel.get_by_text("Saved", exact=True)).to_be_visible()
    panel.reload()
    expect(panel.get_by_label("Configuration text")).to_have_value(re.compile("# looked at"))
    expect(panel.get_by_label("Earlier versions")).to_be_visible()


def test_a_new_experiment_starts_empty_and_the_first_one_is_still_there(panel: Page, cluster: Cluster) -> None:
    panel.goto(f"{cluster.address}/experiments")
    panel.get_by_role("button", name="New experiment").click()
    dialog = panel.get_by_role("dialog")
    dialog.get_by_label("Name").fill("a/b")
    expect(dialog.get_by_text("A name cannot hold /")).to_be_visible()
    dialog.get_by_label("Name").fill("Second run")
    dialog.get_by_role("button", name="Begin experiment").click()
    panel.get_by_role("dialog", name="Units of Second run").get_by_role("button", name="Cancel").click()
    panel.goto(f"{cluster.address}/overview")
    expect(panel.get_by_text("No unit is assigned to this experiment.")).to_be_visible()
    panel.get_by_role("button", name=re.compile("^Experiment: Second run")).click()
    panel.get_by_role("link", name=re.compile("^demo")).click()
    expect(panel.get_by_test_id(f"unit-{UNIT}")).to_be_visible()


def test_an_experiment_is_exported_and_its_archive_downloaded(panel: Page, cluster: Cluster) -> None:
    panel.goto(f"{cluster.address}/export?experiment=demo")
    panel.get_by_role("checkbox", name=re.compile("^Optical density")).first.check()
    panel.get_by_role("button", name="Export 1 dataset").click()
    archive = panel.get_by_role("region", name="Archives").get_by_role("link").first
    with panel.expect_download() as downloading:
        archive.click()
    with zipfile.ZipFile(downloading.value.path()) as opened:
        [name] = [one for one in opened.namelist() if one.endswith(".csv")]
        header, *rows = opened.read(name).decode().splitlines()
    assert "od_reading" in header
    assert any(UNIT in row for row in rows)


def test_a_unit_is_added_to_the_inventory_and_a_machine_that_does_not_wait_is_told(
    panel: Page, cluster: Cluster
) -> None:
    panel.goto(f"{cluster.address}/inventory")
    panel.get_by_role("button", name="Add unit").click()
    dialog = panel.get_by_role("dialog")
    expect(dialog.get_by_role("status").filter(has_text=re.compile("waits? to join"))).to_be_visible()
    dialog.get_by_label("Name").fill("worker9")
    dialog.get_by_role("textbox", name="Code").fill("K7QM-2XFD")
    dialog.get_by_label("Address").fill(f"127.0.0.1:{free_ports(1)}")
    dialog.get_by_role("button", name="Add unit").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_role("textbox", name="Code").fill("")
    dialog.get_by_label("Model").select_option("Pioreactor 20 mL, v1.5")
    dialog.get_by_role("button", name="Add unit").click()
    expect(dialog).to_have_count(0)
    card = panel.get_by_role("list", name="Units").get_by_role("listitem").filter(has_text="worker9")
    expect(card).to_be_visible()
    card.get_by_role("button", name="Remove").click()
    panel.get_by_role("dialog").get_by_role("button", name=re.compile("^Remove")).click()
    expect(card).to_have_count(0)


PASSWORD = "0123456789"
SEND = """([method, path, body]) => fetch(path, {
    method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
}).then((answer) => answer.status)"""
"""What a person sends who writes the request by hand."""


@pytest.fixture
def open_as(
    panel: Page, cluster: Cluster, open_page: Callable[..., Page], sign_in: Callable[[Cluster], StorageState]
) -> Callable[..., Page]:
    """Return what makes an account with the given rights, signs it in, and returns its page."""

    def opened(name: str, **rights: object) -> Page:
        panel.goto(cluster.address)
        person = {"username": name, "password": PASSWORD, **rights}
        assert panel.evaluate(SEND, ["PUT", "/auth/people", person]) == 201
        return open_page(signed_in=sign_in(replace(cluster, username=name, password=PASSWORD)))

    return opened


def expect_refused(page: Page, name: str, reason: str) -> None:
    """Expect a button that is reached by the keyboard, does nothing, and says why."""
    button = page.get_by_role("button", name=re.compile(f"^{name}")).first
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("aria-description", re.compile(reason))
    button.focus()
    expect(page.get_by_role("tooltip").filter(has_text=reason).first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").filter(visible=True)).to_have_count(0)


def test_a_viewer_reads_everything_and_is_offered_no_change(
    open_as: Callable[..., Page], cluster: Cluster, keep_screenshot: Callable[..., None]
) -> None:
    page = open_as("vera", role="viewer")
    page.goto(f"{cluster.address}/pioreactors/{UNIT}?experiment=demo")
    for name in ("Add media", "Identify"):
        expect_refused(page, name, f"Needs the role operator on {UNIT}")
    keep_screenshot(page, "viewer-unit", full_page=False)
    page.goto(f"{cluster.address}/overview?experiment=demo")
    expect_refused(page, "Control all", "Needs the role operator on all units")
    dialog = open_activity(page, "Stirring")
    expect(dialog.get_by_role("button", name="Pause")).to_have_attribute("aria-disabled", "true")
    page.goto(f"{cluster.address}/people")
    expect(page.get_by_role("button", name="Change password")).to_be_visible()
    expect(page.get_by_role("button", name="Invite person")).to_have_count(0)
    run = f"/api/workers/{UNIT}/jobs/run/job_name/add_media/experiments/demo"
    assert page.evaluate(SEND, ["POST", run, {"options": {"ml": 0.5}}]) == 403
    page.goto(f"{cluster.address}/audit")
    page.get_by_role("button", name="Verify", exact=True).click()
    expect(page.get_by_text(re.compile("The trail is whole"))).to_be_visible()


def test_a_student_changes_one_reactor_and_nothing_else(
    open_as: Callable[..., Page], cluster: Cluster, keep_screenshot: Callable[..., None]
) -> None:
    page = open_as("stu", role="operator", units=[UNIT])
    page.goto(f"{cluster.address}/pioreactors/{UNIT}?experiment=demo")
    dose = page.get_by_role("region", name="Dose by hand")
    dose.get_by_label("Amount", exact=True).fill("0.1")
    dose.get_by_role("button", name="Add media 0.1 mL").click()
    expect(dose.get_by_text("Confirmed by the unit")).to_be_visible()
    keep_screenshot(page, "student-unit", full_page=False)
    page.goto(f"{cluster.address}/overview?experiment=demo")
    expect_refused(page, "Control all", "Your changes are limited to the units worker1")
    page.goto(f"{cluster.address}/import")
    expect(page.get_by_role("alert")).to_have_text(re.compile("this needs the role manager; yours is operator"))
    for path, answer in {UNIT: 202, "worker2": 403, "$broadcast": 403}.items():
        run = f"/api/workers/{path}/jobs/run/job_name/add_media/experiments/demo"
        assert page.evaluate(SEND, ["POST", run, {"options": {"ml": 0.01}}]) == answer


def picture_of(chart: Locator) -> str:
    return str(chart.locator("canvas").first.evaluate("canvas => canvas.toDataURL()"))


@pytest.mark.parametrize("key", ["optical_density", "implied_growth_rate"])
def test_charts_move_and_a_reload_shows_what_was(overview: Page, key: str) -> None:
    chart = overview.get_by_test_id(f"chart-{key}")
    expect(chart.get_by_text(re.compile("Nothing measured|Fetching"))).to_have_count(0)
    canvas = chart.locator("canvas").first.element_handle()
    overview.wait_for_function("([it, was]) => it.toDataURL() !== was", arg=[canvas, picture_of(chart)])
    with overview.expect_response(lambda answer: "time_series" in answer.url and answer.ok) as history:
        overview.reload()
    assert any(points for points in history.value.json()["data"])
    expect(chart.locator("canvas").first).to_be_visible()
    expect(chart.get_by_text(re.compile("Nothing measured|Fetching"))).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_the_real_overview_fits_its_screen(
    cluster: Cluster,
    open_page: Callable[..., Page],
    sign_in: Callable[[Cluster], StorageState],
    keep_screenshot: Callable[..., None],
    phone: bool,
    dark: bool,
) -> None:
    page = open_page(phone=phone, dark=dark, signed_in=sign_in(cluster))
    page.goto(f"{cluster.address}/overview")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_test_id(f"od-{UNIT}")).to_have_text(re.compile(r"\d"))
    expect(page.locator("canvas").first).to_be_visible()
    expect(page.get_by_text(re.compile("^Fetching"))).to_have_count(0)
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0
    name = f"overview-{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
    keep_screenshot(page, name, full_page=False)


def test_signing_out_requires_a_new_sign_in(cluster: Cluster, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(cluster.address)
    page.get_by_label("Name").fill(cluster.username)
    page.get_by_label("Password").first.fill(cluster.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=re.compile("^Signed in as")).click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.goto(f"{cluster.address}/overview")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
