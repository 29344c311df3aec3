"""A person with no vial at hand calibrates a simulated reactor in the panel, up to what is saved and in use."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, StorageState, expect
from tests.browser.conftest import Cluster

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

UNIT = "worker1"


@pytest.fixture
def panel(idle_cluster: Cluster, open_page: Callable[..., Page], sign_in: Callable[[Cluster], StorageState]) -> Page:
    """Return an empty page of a person who is signed in."""
    return open_page(signed_in=sign_in(idle_cluster))


class Session:
    """A guided calibration as its page shows it."""

    def __init__(self, page: Page, address: str, device: str, protocol: str) -> None:
        self.page = page
        self.title = page.locator("article h2")
        self.bench = page.get_by_role("region", name="Simulated bench")
        page.goto(f"{address}/calibrations/new?unit={UNIT}&device={device}")
        page.get_by_role("region", name=protocol).get_by_role("button", name="Begin").click()

    def at(self, title: str) -> None:
        """Wait for a step; `expect` looks once a second after a while, which adds up."""
        self.title.filter(has_text=re.compile(f"^{re.escape(title)}$")).wait_for()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def go_through(self, *titles: str) -> None:
        for title in titles:
            self.at(title)
            self.press("Next")

    def choose(self, option: str) -> None:
        self.page.get_by_label("What next?").select_option(option)
        self.press("Next")

    def place(self, od: str, *, offered: bool = True) -> None:
        """Put a standard in; `offered` means that its OD600 is the one that the step offers."""
        field = self.bench.get_by_label("OD600 to place")
        if offered:
            expect(field).to_have_value(od)
        else:
            field.fill(od)
        self.bench.get_by_role("button", name="Place this standard").click()
        expect(self.bench.get_by_text(f"a standard of OD600 {od},")).to_be_visible()

    def put_culture_back(self) -> None:
        self.bench.get_by_role("button", name="Put the culture back").click()
        expect(self.bench).to_have_count(0)


def in_use(panel: Page, device: str) -> Locator:
    """Open the list of what the unit has, and return the section of a device, whose one curve is in use."""
    panel.get_by_role("link", name=f"See the calibrations of {UNIT}").click()
    section = panel.get_by_role("region", name=device)
    expect(section.get_by_text("In use")).to_have_count(1)
    return section


def test_od_is_calibrated_with_standards_from_the_bench(
    panel: Page, idle_cluster: Cluster, keep_screenshot: Callable[..., None]
) -> None:
    session = Session(panel, idle_cluster.address, "od90", "OD600 with standards")
    session.go_through("Calibrate od90 with standards", "Name", "Stirring")
    for number, (od, offered) in enumerate([("2", True), ("0.4", False)], 1):
        session.at(f"Standard {number}")
        session.place(od, offered=offered)
        session.press("Done, next")
        session.at("Measure the standard")
        expect(panel.get_by_label("OD600 of this standard")).to_have_value(od)
        session.press("Next")
        session.at("Another standard?")
        if number == 1:
            session.choose("record another")
    session.choose("continue to blank")
    session.at("Blank")
    session.place("0")
    session.press("Done, next")
    session.go_through("Measure the blank")
    session.at("Calibration complete")
    keep_screenshot(panel, "od-standards-complete")
    expect(panel.get_by_text("2 standards and a blank, 1 photodiode.")).to_be_visible()
    expect(panel.get_by_text(re.compile("is saved for OD at 90° and in use from now on"))).to_be_visible()
    session.put_culture_back()
    curves = in_use(panel, "OD at 90°").get_by_role("img", name=re.compile("^Curves"))
    expect(curves.locator("circle")).to_have_count(3)
    expect(curves.locator("polyline")).to_have_count(1)
    keep_screenshot(panel, "od-standards-in-use")


def test_densities_are_fused_with_standards_from_the_bench(
    panel: Page, idle_cluster: Cluster, keep_screenshot: Callable[..., None]
) -> None:
    session = Session(panel, idle_cluster.address, "od_fused", "Fused OD with standards")
    session.go_through("Fused OD with standards", "Name", "Stirring")
    for number, od in enumerate(["0.1", "0.4", "1.5", "5"], 1):
        session.at(f"Standard {number}")
        session.place(od)
        session.press("Done, next")
        session.at("What is it?")
        expect(panel.get_by_label("OD600 of this standard")).to_have_value(od)
        session.press("Next")
        session.at("Read the standard")
        session.press("Measure standard")
        session.at("Remove the standard")
        session.press("Done, next")
        session.at("Another standard?")
        session.choose("record another" if number < 4 else "finish")
    session.at("Calibration complete")
    keep_screenshot(panel, "od-fusion-complete")
    expect(panel.get_by_text("Fused OD can be read from 0.1 to 5.")).to_be_visible()
    session.put_culture_back()
    estimators = in_use(panel, "OD fused")
    curves = estimators.get_by_role("img", name=re.compile("^Curves"))
    expect(curves.locator("polyline")).to_have_count(3)
    expect(curves.locator("circle")).to_have_count(3 * 4 * 4)
    keep_screenshot(panel, "od-fusion-in-use")
    estimators.get_by_role("button", name=re.compile("^Stop using")).click()
    panel.get_by_role("dialog").get_by_role("button", name="Stop using it").click()
    expect(estimators.get_by_text("In use")).to_have_count(0)
    estimators.get_by_role("button", name=re.compile("^Use ")).click()
    expect(estimators.get_by_text("In use")).to_have_count(1)


def test_a_pump_runs_into_the_cup_and_the_scale_fills_the_form(panel: Page, idle_cluster: Cluster) -> None:
    session = Session(panel, idle_cluster.address, "media_pump", "Pump by time")
    session.go_through("Calibrate media_pump", "Connect the pump")
    session.at("Lay the tubes")
    session.bench.get_by_role("button", name="Lead the tubes into the cup").click()
    expect(session.bench.get_by_text("The tubes of the pumps lead into the cup")).to_be_visible()
    session.go_through("Lay the tubes", "Name", "Volumes", "Power")
    session.press("Done, next")
    session.go_through("Fill the tubes")
    session.at("First look")
    session.bench.get_by_role("button", name="Empty and tare the cup").click()
    expect(session.bench.get_by_text("0.000 mL")).to_be_visible()
    session.press("Run the pump")
    session.at("How much was it?")
    volume = panel.get_by_label("Volume (mL)", exact=True)
    expect(volume).to_have_value(re.compile(r"^0\.(0[5-9]|1)"))
    assert session.bench.get_by_text(re.compile("in the cup")).inner_text().startswith(f"Scale: {volume.input_value()}")
    session.press("Next")
    session.at("Test run 1 of 10")
    panel.get_by_role("button", name="Cancel calibration").click()
    panel.get_by_role("dialog").get_by_role("button", name="Cancel calibration").click()
    session.at("Session ended")
    session.bench.get_by_role("button", name="Lead the tubes back").click()
    expect(session.bench).to_have_count(0)


class Api:
    """The leader's API as the signed-in person calls it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    def call(self, method: str, path: str, data: object = None) -> Any:
        """Return the answer; that of a task once it has ended."""
        headers = {"Origin": self.address}
        answer = self.page.request.fetch(f"{self.address}{path}", method=method, data=data, headers=headers)
        body = answer.json()
        assert answer.ok, body
        if not (isinstance(body, dict) and body.get("result_url_path")):
            return body
        # What a unit does, the leader asks of it.
        result = (
            body["result_url_path"] if body["unit"] != UNIT else f"/api/workers/{UNIT}/task_results/{body['task_id']}"
        )
        while (answer := self.page.request.get(f"{self.address}{result}")).status == 202:
            self.page.wait_for_timeout(200)
        task = answer.json()
        assert task["status"] == "succeeded", task
        return task["result"]


def go_to_last_run(api: Api, name: str) -> str:
    """Start a session of the pump and go to its last test run, as if everything moved were ten times as much."""
    sessions = f"/api/workers/{UNIT}/calibrations/sessions"
    begun = api.call("POST", sessions, {"target_device": "media_pump", "protocol_name": "duration_based"})
    session = begun["session"]["session_id"]

    def enter(**inputs: object) -> Any:
        return api.call("POST", f"{sessions}/{session}/inputs", {"inputs": inputs or {"confirm": True}})["session"]

    for inputs in ({}, {}, {}, {"name": name}, {"volumes_ml": "5"}, {}, {}, {"duration_s": 5}, {}, {"volume_ml": 0.9}):
        state = enter(**inputs)
    for seconds in state["data"]["durations_s"]:
        state = enter()
        if len(state["data"]["measured_ml"]) < 9:
            enter(volume_ml=round(0.9 * seconds, 2))
    return str(session)


def test_a_doubtful_calibration_waits_for_a_second_yes(
    panel: Page, idle_cluster: Cluster, keep_screenshot: Callable[..., None]
) -> None:
    api = Api(panel, idle_cluster.address)
    session = go_to_last_run(api, "tenfold")
    panel.goto(f"{idle_cluster.address}/calibrations/sessions/{UNIT}/{session}")
    panel.get_by_role("button", name="Take over").click()
    panel.get_by_label("Volume (mL)", exact=True).fill("5.5")
    panel.get_by_role("button", name="Next", exact=True).click()
    expect(panel.get_by_text("tenfold is saved for media pump, and not in use.")).to_be_visible()
    doubt = re.compile(r"For the same Volume it gives 0\.1\d* times the Duration of 'simulated'")
    expect(panel.get_by_text(doubt)).to_be_visible()
    fit = re.compile(r"^(Good|Fair) fit: r [01]\.\d+, residual .* % of the span, 10 points")
    expect(panel.get_by_text(fit)).to_be_visible()
    keep_screenshot(panel, "calibration-doubtful")

    # The list has the fit in words, axes with units, and the coverage; a doubtful one is put in use after a question.
    panel.get_by_role("link", name=f"See the calibrations of {UNIT}").click()
    section = panel.get_by_role("region", name="media pump", exact=True)
    expect(section.get_by_role("img")).to_have_accessible_name("Curves: Volume (mL) over Duration (s)")
    coverage = panel.get_by_role("region", name="Coverage")
    expect(coverage.get_by_role("row").filter(has_text=UNIT).get_by_role("link").first).to_have_text(
        re.compile("old|new")
    )
    keep_screenshot(panel, "calibrations-coverage")
    section.get_by_role("button", name=f"Use tenfold on {UNIT}").click()
    dialog = panel.get_by_role("dialog")
    expect(dialog.get_by_text(doubt)).to_be_visible()
    keep_screenshot(panel, "calibration-use-doubtful", full_page=False)
    dialog.get_by_role("button", name="Cancel").click()
    expect(section.get_by_text("In use", exact=True)).to_have_count(1)

    # The page of one has its history, and asks before it is put out of use; more so while dosing runs.
    section.get_by_role("link", name="simulated").click()
    expect(panel.get_by_role("heading", level=1)).to_have_text("simulated")
    expect(panel.get_by_role("region", name="History").get_by_role("row")).to_have_count(3)
    experiment = api.call("GET", "/api/experiments")[0]["experiment"]
    job = f"/api/workers/{UNIT}/jobs/run/job_name/dosing_automation/experiments/{quote(experiment)}"
    api.call("POST", job, {"options": {"automation_name": "silent"}})
    panel.get_by_role("button", name="Stop using").click()
    expect(dialog.get_by_text("its next dose will be refused")).to_be_visible()
    confirm = dialog.get_by_role("button", name="Stop using it")
    expect(confirm).to_be_disabled()
    keep_screenshot(panel, "calibration-stop-while-dosing", full_page=False)
    dialog.get_by_label("Do it while dosing runs").check()
    confirm.click()
    expect(panel.get_by_text("In use", exact=True)).to_have_count(0)
    panel.get_by_role("button", name="Use", exact=True).click()
    dialog.get_by_label("Do it while dosing runs").check()
    dialog.get_by_role("button", name="Use it all the same").click()
    expect(panel.get_by_text("In use", exact=True).first).to_be_visible()
    keep_screenshot(panel, "calibration-page")
    api.call("POST", f"/api/workers/{UNIT}/jobs/stop/job_name/dosing_automation/experiments/{quote(experiment)}")


def test_a_self_test_and_a_blank_are_started_and_their_results_seen(
    panel: Page, idle_cluster: Cluster, keep_screenshot: Callable[[Page, str], None]
) -> None:
    panel.goto(f"{idle_cluster.address}/pioreactors/{UNIT}")
    checks = panel.get_by_role("region", name="Checks")
    checks.get_by_role("button", name="Place this standard").click()
    expect(checks.get_by_text("a standard of OD600 0,")).to_be_visible()
    checks.get_by_role("button", name="Run self-test").click()
    results = checks.get_by_role("list", name="Results of the self-test")
    expect(results.get_by_text("Passed: Pioreactor HAT present")).to_be_visible()
    expect(checks.get_by_text(re.compile(r"^\d+ of \d+ tests? passed so far$"))).to_be_visible()
    checks.get_by_role("button", name="Stop").click()
    expect(checks.get_by_text(re.compile(r"^\d+ of \d+ tests? passed$"))).to_be_visible()
    checks.get_by_role("button", name="Measure the blank").click()
    blank = checks.get_by_label("Blank of this experiment")
    expect(blank).to_contain_text(re.compile(r"90°\s*0\.000"))
    keep_screenshot(panel, "checks")
    checks.get_by_role("button", name="Put the culture back").click()
    expect(checks.get_by_text("the culture", exact=True)).to_be_visible()


def test_a_calibration_is_started_left_resumed_taken_over_and_canceled(
    panel: Page,
    idle_cluster: Cluster,
    open_page: Callable[..., Page],
    sign_in: Callable[[Cluster], StorageState],
    keep_screenshot: Callable[[Page, str], None],
) -> None:
    panel.goto(f"{idle_cluster.address}/pioreactors/{UNIT}")
    panel.get_by_role("link", name="Calibrate").click()
    panel.get_by_label("Device").select_option("media_pump")
    panel.get_by_role("button", name="Begin").click()
    title = panel.locator("article h2")

    def is_at(step: str) -> None:
        """Wait for a step; `expect` looks once a second after a while, which adds up."""
        title.filter(has_text=re.compile(f"^{re.escape(step)}$")).wait_for()

    next_step = panel.get_by_role("button", name="Next", exact=True)
    for step in ("Calibrate media_pump", "Connect the pump", "Lay the tubes", "Name"):
        is_at(step)
        next_step.click()
    is_at("Volumes")
    panel.get_by_role("textbox").fill("0")
    expect(panel.get_by_text("At least 0.01")).to_be_visible()
    panel.get_by_role("textbox").fill("0.5, 1")
    next_step.click()
    is_at("Power")
    panel.get_by_role("button", name="Step back").click()
    is_at("Volumes")
    session = panel.url
    panel.get_by_role("link", name="Save and exit").click()
    panel.get_by_role("link", name="Resume").first.click()
    expect(panel).to_have_url(session)

    other = open_page(phone=True, signed_in=sign_in(idle_cluster))
    other.goto(session)
    expect(other.get_by_role("button", name="Next", exact=True)).to_be_disabled()
    keep_screenshot(other, "calibration-of-another-person-phone")
    other.get_by_role("button", name="Take over").click()
    other.get_by_role("button", name="Next", exact=True).click()
    expect(other.locator("article h2")).to_have_text("Power")
    next_step.click()
    expect(panel.get_by_role("button", name="Take over")).to_be_visible()
    expect(next_step).to_be_disabled()

    # Another browser that never saw this session finds it all the same.
    other.goto(f"{idle_cluster.address}/calibrations")
    other.get_by_role("link", name="Resume").first.click()
    expect(other).to_have_url(session)
    other.get_by_role("button", name="Cancel calibration").click()
    other.get_by_role("dialog").get_by_role("button", name="Cancel calibration").click()
    expect(other.locator("article h2")).to_have_text("Session ended")
