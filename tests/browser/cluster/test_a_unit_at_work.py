"""What runs on a unit is seen and changed with its values; a unit that freezes looks frozen, its alarm stays."""

import contextlib
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, StorageState, expect
from tests.browser.conftest import Cluster, _demo

from pioreactor.storage.paths import Paths
from pioreactor.structs.encoding import to_timestamp

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PLUGIN = Path(__file__).parent / "drip_plugin.py"
UNIT = "worker1"
ANSWERED_MS = 40_000
MESSAGE = "The bottle of media is empty"


@dataclass(frozen=True)
class Lab:
    """A running cluster and its folder."""

    cluster: Cluster
    folder: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run a cluster with an automation of a plugin."""
    folder = tmp_path_factory.mktemp("lab")
    for unit in ("leader", UNIT):
        plugins = Paths.below(folder / unit).plugins
        plugins.mkdir(parents=True)
        shutil.copy(PLUGIN, plugins)
    with _demo("--data", str(folder)) as cluster:
        yield Lab(cluster, folder)


@pytest.fixture
def overview(lab: Lab, open_page: Callable[..., Page], sign_in: Callable[[Cluster], StorageState]) -> Page:
    page = open_page(signed_in=sign_in(lab.cluster))
    page.goto(lab.cluster.address)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    return page


def card_of(page: Page) -> Locator:
    return page.get_by_test_id(f"unit-{UNIT}")


def dialog_of(page: Page, activity: str) -> Locator:
    card_of(page).get_by_role("button", name=re.compile(f"^{activity}")).click()
    return page.get_by_role("dialog")


def change(page: Page, activity: str, label: str, value: str, unit: str, bounds: str, changed: str) -> None:
    """Change a setting of what runs after looking at its value in force, its unit and its range."""
    dialog = dialog_of(page, activity)
    field = dialog.get_by_role("textbox", name=label, exact=True)
    expect(field).to_have_value(value)
    expect(dialog.get_by_text(unit, exact=True)).not_to_have_count(0)
    expect(dialog.get_by_text(bounds, exact=True)).to_be_visible()
    expect(dialog).not_to_contain_text(re.compile(r'[{}\[\]"]'))
    field.fill(changed)
    expect(dialog.get_by_text(re.compile(f"in force: {value} {unit}$"))).to_be_visible()
    dialog.get_by_role("button", name=f"Set {label}").click()
    expect(dialog.get_by_text("Confirmed by the unit")).to_be_visible(timeout=ANSWERED_MS)
    page.reload()
    expect(dialog_of(page, activity).get_by_role("textbox", name=label, exact=True)).to_have_value(changed)
    page.keyboard.press("Escape")


def test_the_thermostat_shows_unit_range_and_value_in_force_and_takes_another(overview: Page) -> None:
    change(overview, "Temperature", "Target temperature", "37", "℃", "0 to 78 ℃", "35")


def test_automations_of_ours_and_of_a_plugin_show_take_and_log_their_values(overview: Page) -> None:
    change(overview, "Dosing", "Target biomass", "1", "OD or AU", "at least 0 OD or AU", "1.2")
    change(overview, "Dosing", "Largest exchange", "1", "mL", "0.05 to 20 mL", "0.8")
    dialog = dialog_of(overview, "Dosing")
    dialog.get_by_role("button", name="Stop").click()
    dialog.get_by_label("Automation", exact=True).select_option("drip")
    dialog.get_by_role("textbox", name="Volume", exact=True).fill("0.3")
    dialog.get_by_role("button", name="Start Drip").click()
    expect(dialog.get_by_text("On", exact=True)).to_be_visible(timeout=ANSWERED_MS)
    overview.keyboard.press("Escape")
    events = overview.get_by_role("region", name="Recent events")
    started = "pioreactor started drip on worker1: volume 0.3 mL, target biomass 2.5 OD, interval 10 min, drops kept 3."
    expect(events.get_by_text(started)).to_be_visible(timeout=ANSWERED_MS)
    change(overview, "Dosing", "Volume", "0.3", "mL", "0 to 5 mL", "0.2")
    change(overview, "Dosing", "Target biomass", "2.5", "OD", "0 to 50 OD", "4")
    change(overview, "Dosing", "Interval", "10", "min", "0.05 to 1000 min", "5")
    expect(dialog_of(overview, "Dosing").get_by_role("textbox", name="Drops kept")).to_have_value("3")


def processes_of(folder: Path) -> list[int]:
    """Return the processes of the unit below the folder of a cluster."""
    wanted = {f"HOSTNAME={UNIT}".encode(), b"DOT_PIOREACTOR=" + str(Paths.below(folder / UNIT).dot_pioreactor).encode()}
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted <= set(path.read_bytes().split(b"\0")):
                found.append(int(path.parent.name))
    return found


@contextlib.contextmanager
def frozen(folder: Path) -> Iterator[None]:
    """Stop all processes of the unit as a machine that hangs does, and let them continue afterwards."""
    processes = processes_of(folder)
    assert processes
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def test_a_frozen_unit_looks_frozen_within_ten_seconds_and_recovers(
    overview: Page, lab: Lab, keep_screenshot: Callable[..., None]
) -> None:
    card = card_of(overview)
    number = overview.get_by_test_id(f"od-{UNIT}")
    expect(number).to_have_text(re.compile(r"\d"))
    silent = re.compile(r"^No data for \d+ s$")
    with frozen(lab.folder):
        expect(overview.get_by_role("status").get_by_text(silent)).to_be_visible(timeout=11_000)
        expect(card.get_by_text(silent)).to_be_visible()
        expect(number).to_have_attribute("data-old", "true")
        expect(overview.get_by_text("Live", exact=True)).to_have_count(0)
        expect(card.get_by_text(re.compile(r"^\d+ s old$")).first).to_be_visible(timeout=30_000)
        keep_screenshot(overview, "frozen")
    expect(overview.get_by_text("Live", exact=True)).to_be_visible(timeout=ANSWERED_MS)
    expect(number).not_to_have_attribute("data-old", "true", timeout=ANSWERED_MS)


def expect_acknowledged(page: Page, alarms: Locator) -> None:
    """Expect that an event which the page shows is not among the alarms, of which others may come at any time."""
    expect(page.get_by_role("region", name="Recent events").get_by_text(MESSAGE)).to_be_visible()
    if alarms.count():
        alarms.click()
        expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_text(MESSAGE)).to_have_count(0)


def test_an_alarm_outlives_a_reload_until_it_is_acknowledged(overview: Page, lab: Lab) -> None:
    expect(card_of(overview)).to_be_visible()
    origin = {"Origin": lab.cluster.address}
    now = to_timestamp(datetime.now(UTC))
    told = overview.request.post(
        f"{lab.cluster.address}/api/workers/{UNIT}/experiments/demo/logs",
        data={
            "message": MESSAGE,
            "level": "WARNING",
            "source": "app",
            "task": "dosing",
            "timestamp": now,
        },
        headers=origin,
    )
    assert told.ok, told.text()
    alarms = overview.get_by_role("button", name=re.compile("alarm"))
    for _ in range(2):
        alarms.click()
        expect(overview.get_by_role("dialog").get_by_text(MESSAGE)).to_be_visible()
        overview.reload()
        expect(overview.get_by_text("Live", exact=True)).to_be_visible()
    alarms.click()
    overview.get_by_role("button", name="Acknowledge").click()
    expect(overview.get_by_role("dialog").get_by_text(MESSAGE)).to_have_count(0)
    expect_acknowledged(overview, alarms)
    overview.reload()
    expect_acknowledged(overview, alarms)
