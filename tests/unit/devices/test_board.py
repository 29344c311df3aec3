"""The description of the hardware: facts of each generation, layers, and errors that name the place."""

from pathlib import Path

import pytest

from pioreactor.devices.board import Board, layered_mod_config, load_board
from pioreactor.devices.driver import AdcInput
from pioreactor.devices.hat import Hat, read_hat
from pioreactor.exc import ConfigurationError, HardwareNotFoundError
from pioreactor.models import BUILTIN_MODELS


def board(hat: str = "1.1", model: str = "pioreactor_20ml", version: str = "1.1", own: Path | None = None) -> Board:
    return load_board(own, hat_version=hat, model_name=model, model_version=version)


def describe(root: Path, place: str, content: str) -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize("hat", ["1.0", "1.1", "1.2"])
def test_pwm_pins_are_the_same_on_all_hats(hat: str) -> None:
    assert dict(board(hat).pwm_pins) == {"1": 17, "2": 13, "3": 16, "4": 12, "5": 18}
    assert board(hat).heater_channel == "5"


@pytest.mark.parametrize(("hat", "button", "hall"), [("1.0", 24, 25), ("1.1", 4, 21), ("1.2", 4, 21)])
def test_pins(hat: str, button: int, hall: int) -> None:
    pins = board(hat).pins
    assert (pins.button, pins.indicator, pins.hall_sensor, pins.sda, pins.scl, pins.i2c_bus) == (
        button,
        23,
        hall,
        2,
        3,
        1,
    )


def test_hat_1_0_converters() -> None:
    assert dict(board("1.0").adc) == {
        "pd1": AdcInput("ads1115", 0x48, 1),
        "pd2": AdcInput("ads1115", 0x48, 0),
        "version": AdcInput("ads1115", 0x48, 2),
        "aux": AdcInput("ads1115", 0x48, 3, 0.134),
    }
    leds = board("1.0").leds
    assert (leds.driver, leds.address, dict(leds.registers)) == ("dac43608", 0x49, {"A": 8, "B": 9, "C": 10, "D": 11})
    assert board("1.0").thermometer_address == 0x4F


@pytest.mark.parametrize("hat", ["1.1", "1.2"])
def test_hat_1_1_converters(hat: str) -> None:
    assert dict(board(hat).adc) == {
        "pd1": AdcInput("pico", 0x2C, 2),
        "pd2": AdcInput("pico", 0x2C, 3),
        "version": AdcInput("pico", 0x2C, 0),
        "aux": AdcInput("pico", 0x2C, 1, 0.134),
    }
    leds = board(hat).leds
    assert (leds.driver, leds.address, dict(leds.registers)) == ("pico", 0x2C, {"A": 0, "B": 1, "C": 2, "D": 3})


@pytest.mark.parametrize(
    ("model", "addresses"),
    [
        ("pioreactor_20ml", [0x49, 0x4A]),
        ("pioreactor_40ml", [0x48, 0x49]),
        ("pioreactor_20ml_XR", [0x49, 0x4A, 0x4B, 0x48]),
        ("pioreactor_40ml_XR", [0x49, 0x4A, 0x4B, 0x48]),
    ],
)
def test_version_1_5_has_a_converter_per_photodiode(model: str, addresses: list[int]) -> None:
    adc = board("1.2", model, "1.5").adc
    diodes = {use: entry for use, entry in adc.items() if use.startswith("pd")}
    assert diodes == {f"pd{n}": AdcInput("ads1114", address) for n, address in enumerate(addresses, 1)}
    assert adc["aux"].driver == "pico"


@pytest.mark.parametrize("hat", ["1.1", "1.2"])
@pytest.mark.parametrize("model", BUILTIN_MODELS, ids=lambda m: f"{m.model_name}-{m.model_version}")
def test_every_model_fits_the_newer_hats(hat: str, model: object) -> None:
    name, version = model.model_name, model.model_version  # type: ignore[attr-defined]
    described = board(hat, name, version)
    assert not any(described.conflicts(chip.address) for chip in described.chips())


def test_a_model_that_does_not_suit_the_hat_is_a_conflict_of_addresses() -> None:
    claims = board("1.0", "pioreactor_20ml", "1.5").conflicts(0x49)
    assert [str(chip) for chip in claims] == ["ADS1114 at 0x49 (photodiode 1)", "DAC43608 at 0x49 (LEDs)"]


def test_a_chip_says_all_it_is_there_for() -> None:
    assert [str(chip) for chip in board("1.1").chips()] == [
        "RP2040 at 0x2C (photodiode 1, photodiode 2, HAT version, PWM rail voltage, LEDs)",
        "TMP1075 at 0x4F (heating board)",
    ]


def test_a_photodiode_that_is_not_there() -> None:
    with pytest.raises(HardwareNotFoundError, match="photodiode 3"):
        board().photodiode("3")


def test_layers_are_merged_key_by_key_and_the_model_wins(tmp_path: Path) -> None:
    describe(tmp_path, "hats/1.1/pwm.yaml", "pwm_to_pin: {1: 27, 6: 22}\n")
    describe(tmp_path, "models/pioreactor_20ml/1.1/pwm.yaml", "pwm_to_pin: {6: 26}\n")
    describe(tmp_path, "hats/1.1/adc.yaml", "pd1: {channel: 3}\npd4: {driver: ads1115, address: '0x4b', channel: 2}\n")
    described = board(own=tmp_path)
    assert dict(described.pwm_pins) == {"1": 27, "2": 13, "3": 16, "4": 12, "5": 18, "6": 26}
    assert described.adc["pd1"] == AdcInput("pico", 0x2C, 3)
    assert described.adc["pd4"] == AdcInput("ads1115", 0x4B, 2)


def test_a_layer_may_end_in_yml_and_yaml_wins(tmp_path: Path) -> None:
    describe(tmp_path, "hats/1.1/pwm.yml", "pwm_to_pin: {6: 22}\n")
    assert board(own=tmp_path).pwm_pins["6"] == 22
    describe(tmp_path, "hats/1.1/pwm.yaml", "pwm_to_pin: {6: 27}\n")
    assert board(own=tmp_path).pwm_pins["6"] == 27


def test_the_laboratorys_hat_does_not_override_a_shipped_model(tmp_path: Path) -> None:
    describe(tmp_path, "hats/1.1/adc.yaml", "pd1: {driver: pico, address: 0x2D, channel: 0}\n")
    assert board("1.1", "pioreactor_40ml", "1.5", tmp_path).adc["pd1"] == AdcInput("ads1114", 0x48)
    describe(tmp_path, "models/pioreactor_40ml/1.5/adc.yaml", "pd1: {address: 0x4A}\n")
    assert board("1.1", "pioreactor_40ml", "1.5", tmp_path).adc["pd1"] == AdcInput("ads1114", 0x4A)


def test_a_plugins_own_part(tmp_path: Path) -> None:
    describe(tmp_path, "hats/1.1/camera.yaml", "pins: {1: 5}\nname: old\n")
    describe(tmp_path, "models/pioreactor_20ml/1.1/camera.yaml", "name: new\n")
    assert layered_mod_config(board(own=tmp_path), "camera") == {"pins": {"1": 5}, "name": "new"}
    with pytest.raises(ConfigurationError, match="`microscope`"):
        layered_mod_config(board(own=tmp_path), "microscope")


def test_an_unknown_hat_says_what_to_add() -> None:
    with pytest.raises(ConfigurationError, match=r"HAT 2\.0") as caught:
        board("2.0")
    assert "hardware/hats/2.0" in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("mod", "content", "reason"),
    [
        ("pwm", "heater_pwm_channel: 9\n", "no PWM channel 9"),
        ("pwm", "pwm_to_pin: {1: seventeen}\n", "pwm_to_pin.*`1` must be a whole number"),
        ("pwm", "pwm_to_pin: {1: true}\n", "`1` must be a whole number"),
        ("pwm", "pwm_to_pin: 17\n", "`pwm_to_pin` must be keys"),
        ("adc", "pd1: {driver: max1234}\n", "`driver` must be one of ads1114, ads1115, pico"),
        ("adc", "pd1: {channel: 7}\n", "`channel` must be a whole number from 0 to 3"),
        ("adc", "aux: {divider: 0}\n", "`divider` must be a number above 0"),
        ("adc", "pd3: {driver: ads1114}\n", "in `pd3`: `address` is missing"),
        ("dac", "channels: {E: 4}\n", "no LED channel 'E'"),
        ("temp", "address: 0x99\n", "`address` must be a whole number"),
        ("gpio", "hall_sensor_pin: null\n", "`hall_sensor_pin` must be"),
        ("gpio", "- 1\n", "expected keys"),
        ("gpio", "a: [\n", "cannot be read"),
    ],
)
def test_a_malformed_description_names_file_and_key(tmp_path: Path, mod: str, content: str, reason: str) -> None:
    path = describe(tmp_path, f"hats/1.1/{mod}.yaml", content)
    with pytest.raises(ConfigurationError, match=reason) as caught:
        board(own=tmp_path)
    if "no PWM channel" not in reason:
        assert str(path) in str(caught.value)


class TestHat:
    @pytest.fixture
    def device_tree(self, tmp_path: Path) -> Path:
        for name, text in {
            "vendor": "Pioreactor Inc.",
            "product_id": "0x0001",
            "product_ver": "0x0012",
            "uuid": "5a5a-0001",
        }.items():
            (tmp_path / name).write_bytes(text.encode() + b"\x00")
        return tmp_path

    def test_read(self, device_tree: Path) -> None:
        assert read_hat(device_tree) == Hat(version="1.2", serial="5a5a-0001")

    @pytest.mark.parametrize(
        ("name", "content"),
        [("vendor", b"Other\x00"), ("product_id", b"0x0002\x00"), ("product_ver", b"x\x00"), ("uuid", b"\xff\x00")],
    )
    def test_another_makers_or_unreadable_hat_is_none(self, device_tree: Path, name: str, content: bytes) -> None:
        (device_tree / name).write_bytes(content)
        assert read_hat(device_tree) is None

    def test_no_hat(self, tmp_path: Path) -> None:
        assert read_hat(tmp_path / "nothing") is None
