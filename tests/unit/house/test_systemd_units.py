"""The services that are installed: each is restricted, and starts only where it belongs."""

from pathlib import Path

import pytest

UNITS = Path(__file__).parents[3] / "packaging" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
RESTRICTIONS = {
    "UMask": "0077",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "PrivateTmp": "yes",
    "User": "pioreactor",
}


def values_of(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_all_services_are_looked_at() -> None:
    assert len(SERVICES) >= 8


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_service_is_restricted(unit: Path) -> None:
    values = values_of(unit)
    assert {key: values.get(key) for key in RESTRICTIONS} == {key: [value] for key, value in RESTRICTIONS.items()}
    assert values.get("AmbientCapabilities", []) in ([], ["CAP_NET_BIND_SERVICE"])


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_service_starts_only_on_a_member_of_a_cluster(unit: Path) -> None:
    (condition,) = values_of(unit)["ConditionPathExists"]
    assert condition.startswith("/home/pioreactor/.pioreactor/")


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_service_that_ends_comes_back(unit: Path) -> None:
    values = values_of(unit)
    assert values.get("Type") == ["oneshot"] or values["Restart"][0] in ("always", "on-failure")
