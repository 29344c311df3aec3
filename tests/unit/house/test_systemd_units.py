"""What every systemd unit has: an account, files that others cannot read, and no more rights than it needs."""

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parents[3] / "src" / "pioreactor" / "install" / "systemd").glob("*.service"))
REQUIRED = {
    "User": "pioreactor",
    "UMask": "0077",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectKernelModules": "yes",
    "ProtectControlGroups": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6 AF_NETLINK",
}


def service(path: Path) -> dict[str, str]:
    unit = configparser.RawConfigParser(strict=False)  # systemd lets keys be repeated
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(path)
    return dict(unit["Service"])


def test_there_are_units() -> None:
    assert len(UNITS) >= 6


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_is_confined(path: Path) -> None:
    found = service(path)
    assert {key: found.get(key) for key in REQUIRED} == REQUIRED


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_reaches_what_it_needs(path: Path) -> None:
    found = service(path)
    # Two pins get their pulses through sysfs, which this would make read-only; chips are behind device files.
    assert found.keys().isdisjoint({"ProtectKernelTunables", "PrivateDevices", "DevicePolicy", "ProtectHome"})
    assert found["ReadWritePaths"].startswith("/home/pioreactor /var/log")
    if found.get("KillMode") == "process":
        # Jobs outlive their service: a private folder of temporary files would be deleted below them.
        assert "PrivateTmp" not in found
        assert found["ReadWritePaths"].endswith(" /tmp")


def test_systemd_understands_all_units() -> None:
    """Unknown keys, wrong values, units that are missing: systemd would skip them with a line in its log."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    folder = UNITS[0].parent
    files = sorted(path for path in folder.iterdir() if path.suffix in (".service", ".timer", ".target"))
    checked = subprocess.run(
        (program, "verify", "--man=no", "--recursive-errors=no", *files), capture_output=True, text=True, check=False
    )
    own = [line for line in checked.stderr.splitlines() if "pioreactor" in line]
    assert (checked.returncode, own) == (0, [])


def test_polkit_of_debian_can_read_the_rules() -> None:
    """Its engine knows ECMAScript 5.1; it skips a file with anything later, and updates and power-off are refused."""
    rules = [path.read_text() for path in (UNITS[0].parents[1] / "polkit").glob("*.rules")]
    later = re.compile(r"=>|\.\.\.|`|\b(?:const|let|class|of)\b|\.(?:includes|find|startsWith|endsWith)\(|\?\.|\?\?")
    code = "\n".join(line for text in rules for line in text.splitlines() if not line.startswith("//"))
    assert "polkit.addRule" in code
    assert later.findall(code) == []


ASK_POLKIT = """
let rule;
const polkit = { addRule: (found) => { rule = found; }, Result: { YES: "yes" } };
eval(require("fs").readFileSync(process.argv[1], "utf8"));
const answer = ([user, id, details]) => rule({ id, lookup: (name) => details[name] }, { user }) === "yes";
console.log(JSON.stringify(JSON.parse(process.argv[2]).map(answer)));
"""


def test_the_account_of_the_services_is_given_these_rights_and_no_others() -> None:
    """Of disks only those on USB, of services only its own; another account gets nothing."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    usb, card, udisks = {"drive.removable.bus": "usb"}, {"drive.removable.bus": "sdio"}, "org.freedesktop.udisks2."
    units = "org.freedesktop.systemd1.manage-units"
    asked: dict[bool, list[tuple[str, dict[str, str]]]] = {
        True: [
            *((udisks + what, usb) for what in ("filesystem-mount", "filesystem-mount-other-seat")),
            *((udisks + "filesystem-unmount-others", usb), ("org.freedesktop.login1.power-off", {})),
            (units, {"unit": "pioreactor-web.service", "verb": "restart"}),
        ],
        False: [
            *((udisks + what, card) for what in ("filesystem-mount", "filesystem-mount-other-seat")),
            *((udisks + what, {}) for what in ("filesystem-mount", "filesystem-unmount-others")),
            *((udisks + what, usb) for what in ("filesystem-mount-system", "modify-device", "power-off-drive")),
            *((units, {"unit": name, "verb": "stop"}) for name in ("ssh.service", "pioreactor-web.service.d")),
            (units, {"unit": "pioreactor-web.service", "verb": "kill"}),
        ],
    }
    calls = [("pioreactor", *each) for given in (True, False) for each in asked[given]]
    calls += [("pi", *each) for each in asked[True]]
    [rules] = (UNITS[0].parents[1] / "polkit").glob("*.rules")
    command = (node, "-e", ASK_POLKIT, str(rules), json.dumps(calls))
    answers = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert answers == [True] * len(asked[True]) + [False] * (len(calls) - len(asked[True]))
