"""The Wi-Fi network of the leader: which commands NetworkManager gets, and what is said when it refuses."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.identity.nmcli_stand_in import Nmcli, install

from pioreactor.exc import ConfigurationError, ConflictError, PioreactorError
from pioreactor.identity.access_point import WifiAccessPoint, check, neighbors_in
from pioreactor.identity.network_manager import AccessPointError
from pioreactor.settings.sections import LocalAccessPointSettings

SECRET = "a secret: of mine"
SETTINGS = LocalAccessPointSettings(ssid="lab: north", passphrase=SECRET)
ADD = (
    "connection add save no type wifi con-name pioreactor-access-point ifname wlan0 autoconnect no ssid lab: north "
    "802-11-wireless.mode ap 802-11-wireless-security.key-mgmt wpa-psk 802-11-wireless-security.proto rsn "
    "802-11-wireless-security.pairwise ccmp 802-11-wireless-security.group ccmp "
    "ipv4.method shared ipv4.addresses 10.42.0.1/24 ipv6.method disabled"
)
WIFI_ONLY = {
    "devices": [("eth0", "ethernet", "unavailable"), ("wlan0", "wifi", "connected")],
    "active": [("uuid-of-lab", "802-11-wireless", "wlan0", "home", "infrastructure", "home")],
}


@pytest.fixture
def nmcli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Nmcli:
    return install(monkeypatch, tmp_path / "bin")


@pytest.fixture
def port(tmp_path: Path) -> WifiAccessPoint:
    return WifiAccessPoint(tmp_path / "run", (tmp_path / "local_access_point",))


def test_the_network_is_opened_shown_and_closed(nmcli: Nmcli, port: WifiAccessPoint, tmp_path: Path) -> None:
    assert port.state().active is False
    port.start(SETTINGS)
    found = port.state()
    assert (found.active, found.ssid, found.device, found.address) == (True, "lab: north", "wlan0", "10.42.0.1/24")
    assert found.opens_at_boot is False
    (tmp_path / "local_access_point").touch()
    port.stop()
    assert (port.state().active, port.state().opens_at_boot) == (False, True)
    deleted, added, opened, closed = nmcli.changes()
    assert deleted == "connection delete id pioreactor-access-point", "what an earlier start has left"
    assert added == ADD
    assert opened.startswith("--wait 30 connection up id pioreactor-access-point passwd-file ")
    assert closed == "connection delete uuid uuid-of-mine"


def test_the_passphrase_is_in_a_file_that_only_its_owner_reads_and_only_meanwhile(
    nmcli: Nmcli, port: WifiAccessPoint
) -> None:
    port.start(SETTINGS)
    [up] = [call for call in nmcli.calls() if "file" in call]
    assert (up["file"], up["mode"]) == (f"802-11-wireless-security.psk:{SECRET}\n", "0o600")
    assert not any(SECRET in word for call in nmcli.calls() for word in call["asked"])
    assert list(port.folder.iterdir()) == []


def test_the_only_way_in_is_not_cut_unless_that_is_meant(nmcli: Nmcli, port: WifiAccessPoint) -> None:
    nmcli.answer(**WIFI_ONLY)
    consequence = port.state().consequence
    assert consequence == "the present connection of wlan0 ends: it is the only way to reach this computer"
    with pytest.raises(ConflictError, match="the only way to reach"):
        port.start(SETTINGS)
    assert nmcli.changes() == []
    port.start(SETTINGS, even_if_disconnected=True)
    with pytest.raises(ConflictError, match="the only way to reach"):
        port.stop()
    assert port.state().active
    port.stop(even_if_disconnected=True)
    nmcli.answer(devices=[("eth0", "ethernet", "connected"), ("wlan0", "wifi", "connected")])
    assert "eth0 stays connected" in str(port.state().consequence)


@pytest.mark.parametrize(
    ("answers", "cause", "remedy"),
    [
        ({"fault": "Error: NetworkManager is not running."}, "not running", "systemctl start NetworkManager"),
        ({"fault": "Error: Not authorized to control networking."}, "may not change networks", "pioreactor.install"),
        ({"fault": "Error: Insufficient privileges."}, "may not change networks", "pioreactor.install"),
        ({"devices": [("eth0", "ethernet", "connected")]}, "no Wi-Fi adapter", "Plug one in"),
        ({"devices": [("wlan0", "wifi", "unavailable")]}, "wlan0 is switched off", "set the country"),
        ({"devices": [("wlan0", "wifi", "unmanaged")]}, "not managed", "nmcli device set wlan0 managed yes"),
        ({"opens_networks": "no"}, "cannot open a network", "another Wi-Fi adapter"),
        ({"refuses": "Error: Connection activation failed: x."}, "activation failed: x", "journalctl"),
        ({"active": [("1", "802-11-wireless", "wlan0", "Hotspot", "ap", "other")]}, "open already", "Close it first"),
    ],
)
def test_a_refusal_names_cause_and_cure(
    nmcli: Nmcli, port: WifiAccessPoint, answers: dict[str, Any], cause: str, remedy: str
) -> None:
    nmcli.answer(**answers)
    with pytest.raises(PioreactorError) as refused:
        port.start(SETTINGS)
    assert cause in str(refused.value)
    assert remedy in str(refused.value.remedy)
    assert SECRET not in f"{refused.value} {refused.value.remedy}"
    left = [line for line in nmcli.changes() if line.startswith("connection")][-1:]
    assert left in ([], ["connection delete id pioreactor-access-point"]), "no profile is left of a failure"


def test_without_network_manager_there_is_none_and_the_reason_is_shown(
    monkeypatch: pytest.MonkeyPatch, port: WifiAccessPoint, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = port.state()
    assert found.active is False
    assert found.problem == "NetworkManager is not installed. Install it: sudo apt install network-manager"
    with pytest.raises(AccessPointError, match="not installed"):
        port.start(SETTINGS)


def test_what_others_opened_and_what_is_closed_is_not_closed(nmcli: Nmcli, port: WifiAccessPoint) -> None:
    with pytest.raises(ConflictError, match="no access point is open"):
        port.stop()
    nmcli.answer(active=[("1-2", "802-11-wireless", "wlan0", r"Hot\:spot", "ap", "other")])
    with pytest.raises(ConflictError, match="opened as 'Hot:spot'") as refused:
        port.stop()
    assert refused.value.remedy == "Close it by hand: nmcli connection down uuid 1-2"
    assert nmcli.changes() == []


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("passphrase", "", "passphrase is missing"),
        ("passphrase", "1234567", "has 7 characters"),
        ("passphrase", "x" * 64, "has 64 characters"),
        ("passphrase", "12345678\n", "passphrase has 9"),
        ("passphrase", "back\\slash", "passphrase has 10"),
        ("passphrase", "größer nun", "passphrase has 10"),
        ("ssid", "", "ssid has 0 bytes"),
        ("ssid", "ä" * 17, "ssid has 34 bytes"),
        ("ssid", "two\nlines", "ssid has 9 bytes"),
        ("inet_address", "10.42.0.300/24", "inet_address"),
        ("inet_address", "8.8.8.8/24", "private"),
        ("inet_address", "10.42.0.1", "private"),
    ],
)
def test_what_no_network_can_have_is_refused_before_anything_changes(
    nmcli: Nmcli, port: WifiAccessPoint, key: str, value: str, said: str
) -> None:
    given: dict[str, Any] = {"ssid": "lab", "passphrase": SECRET, key: value}
    with pytest.raises(ConfigurationError, match=said) as refused:
        port.start(LocalAccessPointSettings(**given))
    assert refused.value.remedy
    assert value == "" or value not in str(refused.value) or key == "inet_address"
    assert nmcli.calls() == []


def test_the_shortest_and_the_longest_passphrase_and_the_one_of_the_reference_are_taken() -> None:
    for passphrase in ("12345678", "x" * 63, "raspberry", "with a space"):
        check(LocalAccessPointSettings(passphrase=passphrase))


def test_who_is_in_the_network_is_read_from_the_kernel() -> None:
    table = (
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "10.42.0.17       0x1         0x2         b8:27:eb:00:00:01     *        wlan0\n"
        "10.42.0.18       0x1         0x0         00:00:00:00:00:00     *        wlan0\n"
        "10.0.0.1         0x1         0x2         b8:27:eb:00:00:02     *        eth0\n"
    )
    assert neighbors_in(table, "wlan0") == ["10.42.0.17"]
