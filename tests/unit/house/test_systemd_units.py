"""What every systemd unit has: an account, files that others cannot read, and no more rights than it needs."""

import configparser
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parents[3] / "packaging" / "systemd").glob("*.service"))
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
    unit = configparser.RawConfigParser(strict=True)
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
