"""Every page of the panel and everything that opens on top of one: what tests and pictures of all of them walk."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from tests.browser.conftest import ROOT, SETTLED

SOURCES = ROOT / "ui" / "src"
_OVERLAY = re.compile(r"<(?:Modal|Menu|Popover|Drawer)\b")


def _stay(page: Page) -> None:
    """Open nothing."""


@dataclass(frozen=True, slots=True)
class View:
    """An address of the panel, and what is opened there; `source` is the module of what opens."""

    name: str
    address: str
    open: Callable[[Page], None] = _stay
    source: str = ""
    sizes: tuple[str, ...] = ("desk", "phone")
    changes_page: bool = False
    """Whether opening it changes the page itself, as typed text does: what follows needs a new visit."""


def _button(name: str | re.Pattern[str], *then: str) -> Callable[[Page], None]:
    """Return what clicks a button, and then items of the menu that it opens."""

    def opened(page: Page) -> None:
        page.get_by_role("button", name=name).first.click()
        for item in then:
            page.get_by_role("menuitem", name=item).click()

    return opened


def _in_order(*steps: Callable[[Page], None]) -> Callable[[Page], None]:
    def opened(page: Page) -> None:
        for step in steps:
            step(page)

    return opened


def _edit_text(label: str) -> Callable[[Page], None]:
    def opened(page: Page) -> None:
        area: Locator = page.get_by_label(label)
        area.fill(area.input_value() + "\n# changed")

    return opened


def _still(item: str) -> Callable[[Page], None]:
    return _button(re.compile("^Actions for the still"), item)


def _link(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("link", name=name).first.click()


def _fill(label: str, text: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_label(label, exact=True).fill(text)


def _check(label: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_label(label, exact=True).check()


def _shown(text: str) -> Callable[[Page], None]:
    return lambda page: expect(page.get_by_text(text)).to_be_visible()


def _open_details(page: Page) -> None:
    page.get_by_text("Jobs, options and settings").click()
    expect(page.get_by_label("What units can run")).to_be_visible()


def _place_cursor(page: Page) -> None:
    area = page.get_by_label("Configuration text")
    area.press("Control+Home")
    for _ in range(2):
        area.press("ArrowDown")
    expect(page.get_by_text("name of the leader")).to_be_visible()


def _warn(page: Page) -> None:
    """Wait until the recording has made an alarm."""
    page.get_by_role("button", name=re.compile("alarm")).click()


_EDITING = _in_order(_button("Edit"), _edit_text("Text of the profile"))

PAGES = (
    View("overview", "overview"),
    View("overview of 12 units", "overview?units=12"),
    View("overview of 30 units", "overview?units=30"),
    View("overview of nothing", "overview?experiment=Media screen"),
    View("sign-in", "overview?signed-out"),
    View("pioreactors", "pioreactors"),
    View("pioreactors, 30", "pioreactors?units=30"),
    View("unit", "pioreactors/reactor-01"),
    View("lost unit", "pioreactors/reactor-05"),
    View("unit elsewhere", "pioreactors/reactor-01?experiment=Media screen"),
    View("profiles", "experiment-profiles"),
    View("profile editor", "experiment-profiles", _EDITING, changes_page=True),
    View("campaigns", "campaigns"),
    View("cameras", "cameras"),
    View("stills of a unit", "cameras/reactor-01"),
    View("events", "logs"),
    View("no events", "logs?unit=reactor-02&level=ERROR"),
    View("experiments", "experiments"),
    View("two experiments", "experiments/compare?a=demo&b=Media screen"),
    View("first day", "overview/first-day"),
    View("export", "export"),
    View("preview of a dataset", "export", _button("Preview of Optical density"), sizes=("desk",), changes_page=True),
    View("inventory", "inventory"),
    View("calibrations", "calibrations"),
    View("new calibration", "calibrations/new"),
    View("stirring of several units", "calibrations/new?unit=reactor-01&device=stirring"),
    View("no such estimator", "calibrations/estimators/reactor-01/od_fused/none"),
    View("what units can run", "experiment-profiles", _in_order(_EDITING, _open_details), changes_page=True),
    View(
        "calibration on logarithmic axes",
        "calibrations/reactor-01/media_pump/simulated",
        lambda page: page.get_by_text("Logarithmic").click(),
        changes_page=True,
    ),
    View("help on a key", "config", _place_cursor, changes_page=True),
    View("one calibration", "calibrations/reactor-01/media_pump/simulated"),
    View("configuration", "config"),
    View("proposals", "proposals"),
    View("tokens", "tokens"),
    View("people", "people"),
    View("invitation", "invitation#only-a-demonstration"),
    View("audit trail", "audit"),
    View("system", "system"),
    View("import", "import"),
    View("plan of an import", "import", _button("Show what would come over"), sizes=("desk",), changes_page=True),
    View("plugins", "plugins"),
    View("updates", "updates"),
    View("alarms page", "alarms"),
    View("history of alarms", "alarms?show=history"),
    View("rules of alarms", "alarms?show=rules"),
    View("channels of alarms", "alarms?show=channels"),
    View("no such page", "nowhere"),
    View("no such experiment", "overview?experiment=gone"),
)

OVERLAYS = (
    View("experiment switcher", "overview", _button(re.compile("^Experiment:")), "app/ExperimentSwitcher.tsx"),
    View("new campaign", "campaigns", _button("New campaign"), "features/campaigns/NewCampaign.tsx"),
    View("help", "overview", _button("Help"), "app/HelpMenu.tsx", ("desk",)),
    View("model of a new unit", "overview?new-unit", _shown("Which model is"), "app/ModelQuestion.tsx"),
    View("person", "overview", _button("Signed in as"), "app/TopBar.tsx"),
    View("alarms", "overview", _warn, "app/Alarms.tsx"),
    View("acknowledge", "alarms", _button(re.compile("^Acknowledge")), "features/alarms/Acknowledge.tsx"),
    View("shelve", "alarms", _button(re.compile("^Shelve")), "features/alarms/Shelve.tsx"),
    View("change rule", "alarms?show=rules", _button("Change Culture is too warm"), "features/alarms/RuleDialog.tsx"),
    View("add rule", "alarms?show=rules", _button("Add rule"), "features/alarms/NewRuleDialog.tsx"),
    View("add channel", "alarms?show=channels", _button("Add channel"), "features/alarms/ChannelDialog.tsx"),
    View("remove channel", "alarms?show=channels", _button("Remove phone"), "features/alarms/RemoveChannel.tsx"),
    View("more pages", "overview", _button(re.compile("^More(?! actions)")), "app/Navigation.tsx", ("phone",)),
    View("overview menu", "overview", _button("More actions"), "features/overview/Overview.tsx"),
    View("record event", "overview", _button("Record event"), "units/RecordEvent.tsx"),
    View("control all", "overview", _button("Control all"), "control/ControlAll.tsx"),
    View("stop all", "pioreactors", _button("Stop all activity"), "control/StopEverything.tsx"),
    View("stretch", "overview", _button("From … to …"), "charts/RangePicker.tsx"),
    View("charts shown", "overview", _button("Charts"), "charts/ChooseCharts.tsx"),
    View("save chart", "overview", _button("Save Temperature"), "charts/ChartMenu.tsx"),
    View("assign units", "pioreactors", _button("Assign units"), "units/AssignDialog.tsx"),
    View("unit of many", "overview?units=12", _button(re.compile("^(Wild type A|reactor-01)")), "units/UnitTile.tsx"),
    View("activity", "pioreactors/reactor-01", _button(re.compile("^Stirring")), "control/ActivityDialog.tsx"),
    View(
        "start automation",
        "pioreactors/reactor-01",
        _button(re.compile("^LED")),
        "control/ActivityDialog.tsx",
    ),
    View(
        "delete blank", "pioreactors/reactor-01?blank", _button("Delete the blank"), "features/pioreactors/Checks.tsx"
    ),
    View("label", "pioreactors/reactor-01", _button("Label"), "features/pioreactors/LabelDialog.tsx"),
    View("new experiment", "experiments", _button("New experiment"), "features/experiments/ExperimentForm.tsx"),
    View("end experiment", "experiments", _button("End demo"), "features/experiments/EndExperiment.tsx"),
    View("delete experiment", "experiments", _button("Delete demo"), "features/experiments/DeleteExperiment.tsx"),
    View(
        "add unit",
        "inventory",
        _in_order(_button("Add unit"), _shown("at 10.0.0.39")),
        "features/inventory/AddUnit.tsx",
    ),
    View(
        "add unit by its code",
        "inventory",
        _in_order(_button("Add unit"), _button(re.compile("at 10.0.0.39")), _fill("Code", "K7QM")),
        "features/inventory/AddUnit.tsx",
        changes_page=True,
    ),
    View(
        "add unit by SSH",
        "inventory",
        _in_order(_button("Add unit"), _check("Log in by SSH instead of a code"), _fill("Password", "correct horse")),
        "features/inventory/AddUnit.tsx",
        changes_page=True,
    ),
    View("inventory menu", "inventory", _button("More actions"), "features/inventory/Inventory.tsx"),
    View("unassign unit", "inventory", _button("Unassign"), "features/inventory/Unassign.tsx"),
    View("remove unit", "inventory", _button("Remove"), "features/inventory/RemoveUnit.tsx"),
    View(
        "stop using calibration",
        "calibrations",
        _button(re.compile("^Stop using")),
        "features/calibrations/useUse.tsx",
    ),
    View("add calibration", "calibrations", _button("Add from file"), "features/calibrations/AddCalibration.tsx"),
    View(
        "delete calibration", "calibrations", _button(re.compile("^Delete")), "features/calibrations/DeleteDialog.tsx"
    ),
    View("add plugin", "plugins", _button("Add plugin"), "features/plugins/AddPlugin.tsx"),
    View("add plugin of a USB drive", "plugins?usb=mounted", _button("Add plugin"), "features/plugins/AddPlugin.tsx"),
    View("update plugin", "plugins", _button(re.compile("^Update")), "features/plugins/UpdatePlugin.tsx"),
    View("remove plugin", "plugins", _button(re.compile("^Remove")), "features/plugins/RemovePlugin.tsx"),
    View("write firmware", "updates?idle", _button("Firmware of 27.1.0"), "features/updates/Firmware.tsx"),
    View("install version", "updates?idle", _button("Install 27.1.0"), "features/updates/Updates.tsx"),
    View("still", "cameras/reactor-01", _button(re.compile("^Enlarge")), "stills/StillDialog.tsx"),
    View("rename still", "cameras/reactor-01", _still("Rename…"), "features/cameras/StillCard.tsx"),
    View("delete still", "cameras/reactor-01", _still("Delete…"), "features/cameras/StillCard.tsx", ("phone",)),
    View("decide about a proposal", "proposals", _button("Decide"), "features/proposals/DecideProposal.tsx"),
    View("new token", "tokens", _button("New token"), "features/tokens/NewToken.tsx"),
    View("revoke token", "tokens", _button(re.compile("^Revoke")), "features/tokens/RevokeToken.tsx"),
    View("set clocks", "system", _button("Set clocks"), "features/system/SetClocks.tsx"),
    View("log", "system", _button("Actions of leader", "Show log"), "features/system/MachineCard.tsx"),
    View(
        "replace from an archive",
        "system",
        _button("Actions of leader", "Replace from an archive…"),
        "features/system/MachineData.tsx",
    ),
    View("USB drive", "system?usb", _button(re.compile("^USB drive")), "app/UsbSign.tsx"),
    View("files", "system", _button("Actions of reactor-01", "Files…"), "features/system/FilesDialog.tsx"),
    View("restore", "system", _button("Actions of leader", "Restore a backup…"), "features/system/MachineData.tsx"),
    View(
        "own Wi-Fi network",
        "system",
        _button("Actions of leader", "Own Wi-Fi network…"),
        "features/system/AccessPointDialog.tsx",
    ),
    View("reboot", "system", _button("Actions of reactor-01", "Reboot…"), "features/system/PowerDialog.tsx"),
    View("reboot all", "system", _button("Actions of all machines", "Reboot all…"), "features/system/System.tsx"),
    View("add person", "people", _button("Add person"), "features/people/AddPerson.tsx"),
    View("rights of a person", "people", _button(re.compile("^Rights of")), "features/people/ChangeRights.tsx"),
    View("invite person", "people", _button("Invite person"), "features/people/InvitePerson.tsx"),
    View("second factor", "people", _button(re.compile("^Second factor")), "features/people/SecondFactor.tsx"),
    View(
        "QR code of the second factor",
        "people",
        _in_order(_button(re.compile("^Second factor")), _fill("Your password", "x"), _button("Continue")),
        "features/people/SecondFactor.tsx",
        changes_page=True,
    ),
    View(
        "reset second factor",
        "people",
        _button(re.compile("^Reset second factor of")),
        "features/people/ResetSecondFactor.tsx",
    ),
    View("sign-ins", "people", _button(re.compile("^Sign-ins of pio")), "features/people/SignIns.tsx"),
    View("change password", "people", _button("Change password"), "features/people/ChangePassword.tsx"),
    View("remove person", "people", _button(re.compile("^Remove")), "features/people/RemovePerson.tsx"),
    View("templates", "experiment-profiles", _button("New profile"), "features/profiles/Profiles.tsx"),
    View("delete profile", "experiment-profiles", _button("Delete"), "features/profiles/Profiles.tsx"),
    View("stop profile", "experiment-profiles", _button("Stop"), "control/RunningProfile.tsx"),
    View("run profile", "experiment-profiles", _button("Run"), "features/profiles/StartRun.tsx"),
    View("rehearse profile", "experiment-profiles", _button("Rehearse"), "features/profiles/Rehearse.tsx"),
    View(
        "discard profile",
        "experiment-profiles",
        _in_order(_EDITING, _button("Discard changes")),
        "features/profiles/ProfileEditor.tsx",
        changes_page=True,
    ),
    View(
        "leave unsaved",
        "config",
        _in_order(_edit_text("Configuration text"), _link("Overview")),
        "parts/draft.tsx",
        changes_page=True,
    ),
)

UNREACHED = {
    "app/ChangeQuestion.tsx": "opens where a lab asks for a reason or a signature; walked in ChangeQuestion.test.tsx",
    "features/calibrations/useUse.tsx": "asks after a poor fit; walked in test_protocols_on_a_cluster",
    "features/calibrations/SessionPage.tsx": "needs a session on hardware; walked in test_protocols_on_a_cluster",
}
"""Modules whose dialogs the recording cannot open, and why."""


def modules_with_overlays() -> set[str]:
    """Return the modules of the panel that open something on top of a page."""
    return {
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*.tsx")
        if _OVERLAY.search(path.read_text(encoding="utf-8"))
    }


IS_COVERED = """() => [...document.querySelectorAll("[data-portal] *")].some((one) => {
    const { width, height } = one.getBoundingClientRect();
    return width > 0 && height > 0;
})"""
"""Whether something is open on top of the page; what is closed may leave an empty element behind."""


def in_order_of_visits() -> list[View]:
    """Return all views, those of one address after each other: the page is loaded once for them."""
    views = (*PAGES, *OVERLAYS)
    addresses = list(dict.fromkeys(view.address for view in views))
    return sorted(views, key=lambda view: (addresses.index(view.address), view.changes_page, view.open is not _stay))


def visit(page: Page, address: str, view: View, *, after: View | None = None) -> None:
    """Open a view, and return once it stands still: as on the first visit, or on the page that shows `after`."""
    is_there = after is not None and after.address == view.address and not after.changes_page
    if not (is_there and _closed(page)):
        page.goto(f"{address}/vial.svg")  # a place of the same origin without the panel: nothing is remembered anew
        page.evaluate("localStorage.clear()")
        page.goto(f"{address}/{view.address}")
        page.locator("h1").wait_for()
        page.evaluate(SETTLED)
        expect(page.get_by_text(re.compile("^Fetching .*…$"))).to_have_count(0)
    view.open(page)
    if view.open is not _stay:
        page.evaluate(SETTLED)


def _closed(page: Page) -> bool:
    """Close what is open on top of the page; return False where that takes more than the Escape key."""
    page.keyboard.press("Escape")
    page.mouse.move(0, 0)  # away from what shows a hint
    try:
        page.wait_for_function(f"() => !({IS_COVERED})()", timeout=1000)
    except PlaywrightTimeout:
        return False
    return True
