"""A value that does not fit is skipped and named; everything else of the configuration stays in force."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.exc import ConfigurationError
from pioreactor.settings.editing import check_local, check_shared
from pioreactor.settings.faulty_values import refusing
from pioreactor.settings.fields import describe
from pioreactor.settings.load import faults_of_text, load_settings, settings_of_text
from pioreactor.settings.schema import MAPS, SECTIONS, Settings

SHARED = "[cluster.topology]\nleader_hostname=boss\nleader_address=10.0.0.1\n[mqtt]\nbroker_port=1883\n"
NAMES = [*SECTIONS, *MAPS]
ATTRIBUTES = [attribute for attribute, _ in SECTIONS.values()] + [section.attribute for section in MAPS.values()]
KEYS = {
    **{name: [field.key for field in describe(type_)] for name, (_, type_) in SECTIONS.items()},
    **{name: list(section.keys or ("any",)) for name, section in MAPS.items()},
}


def _loaded(folder: Path, text: str) -> Settings:
    local = folder / "unit_config.ini"
    local.write_text(text, encoding="utf-8")
    return load_settings(None, local)


@st.composite
def corrupted_lines(draw: st.DrawFn) -> str:
    """Return a section with a key of it, or a wrong one, and a value that may be anything."""
    section = draw(st.sampled_from(NAMES))
    key = draw(st.one_of(st.sampled_from(KEYS[section]), st.sampled_from(["a", "7", "kp", "Port", "é", "x y"])))
    value = draw(st.one_of(st.text("aZ09 .,;:=-%[]#é\x07", max_size=20), st.just("nan")))
    return f"[{section}]\n{key}={value}\n"


@given(st.lists(corrupted_lines(), min_size=1, max_size=5))
def test_any_corrupted_section_still_gives_complete_settings(lines: list[str]) -> None:
    text = "".join(lines)
    faults = faults_of_text("", text)
    try:
        settings_of_text("", text)
        is_refused = False
    except ConfigurationError as error:
        is_refused = True
        assert all(fault.message in str(error) for fault in faults)
    assert is_refused == bool(faults)


def _refuses_something(name: str) -> bool:
    return name in SECTIONS or MAPS[name].keys is not None


@pytest.mark.parametrize("name", [name for name in NAMES if _refuses_something(name)])
def test_a_bad_value_leaves_every_other_section_in_force(tmp_path: Path, name: str) -> None:
    good = _loaded(tmp_path, "")
    key = KEYS[name][0] if name in SECTIONS else "a"
    settings = _loaded(tmp_path, f"[{name}]\n{key}=\x07\n")
    for attribute in ATTRIBUTES:
        if not settings.faults and (name in SECTIONS and SECTIONS[name][0] == attribute):
            continue  # a text takes anything
        assert getattr(settings, attribute) == getattr(good, attribute), attribute


def test_the_lower_layer_stands_where_a_value_was_skipped(tmp_path: Path) -> None:
    shared, local = tmp_path / "config.ini", tmp_path / "unit_config.ini"
    shared.write_text("[stirring.config]\ninitial_target_rpm=300\n[leds]\na=IR\n")
    local.write_text("[stirring.config]\ninitial_target_rpm=fast\n")
    settings = load_settings(shared, local)
    assert settings.stirring.initial_target_rpm == 300
    assert settings.raw.get("stirring.config", "initial_target_rpm") == "300"
    assert settings.leds == {"A": "IR"}
    assert [(fault.section, fault.key) for fault in settings.faults] == [
        ("leds", "a"), ("stirring.config", "initial_target_rpm"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["before=1\n[ui]\nport=81\n", "[ui]\nport=81\n=x\n"])
def test_lines_that_cannot_be_read_leave_the_others(tmp_path: Path, text: str) -> None:
    settings = _loaded(tmp_path, text)
    assert settings.ui.port == 81
    assert settings.faults


def test_bytes_that_are_no_text_leave_the_other_lines(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_bytes(b"[stirring.config]\ninitial_target_rpm=\xff\n[ui]\nport=81\n")
    settings = load_settings(path)
    assert settings.ui.port == 81
    assert settings.stirring.initial_target_rpm == 500
    assert len(settings.faults) == 2


@pytest.mark.parametrize(("name", "line"), [("PWM", "1=media\n2=media"), ("leds", "A=IR\nB=IR")])
def test_a_role_on_two_channels_is_a_fault(tmp_path: Path, name: str, line: str) -> None:
    settings = _loaded(tmp_path, f"[{name}]\n{line}\n")
    assert "is on channel" in settings.faults[0].message


class TestRefusing:
    def test_only_the_faulty_section_is_refused(self, tmp_path: Path) -> None:
        settings = refusing(_loaded(tmp_path, "[stirring.config]\ninitial_target_rpm=fast\n"))
        assert settings.od_reading.samples_per_second == 0.2
        with pytest.raises(ConfigurationError, match="initial_target_rpm = 'fast'"):
            _ = settings.stirring

    def test_derived_values_are_refused_with_their_section(self, tmp_path: Path) -> None:
        settings = refusing(_loaded(tmp_path, "[leds]\na=IR\n"))
        assert settings.pwm_channel_of
        with pytest.raises(ConfigurationError, match="is not a channel"):
            _ = settings.led_channel_of

    def test_what_reaches_the_unit_never_refuses(self, tmp_path: Path) -> None:
        settings = refusing(_loaded(tmp_path, "[mqtt]\nbroker_port=x\n[ui]\nport=-1\n[logging]\nui_log_level=loud\n"))
        assert (settings.mqtt.broker_port, settings.ui.port, settings.logging.ui_log_level) == (1883, 80, "INFO")

    def test_unreadable_lines_may_belong_to_any_section(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="before the first"):
            _ = refusing(_loaded(tmp_path, "rpm=1\n")).stirring

    def test_a_correct_file_costs_nothing(self, tmp_path: Path) -> None:
        settings = _loaded(tmp_path, "")
        assert refusing(settings) is settings


class TestEditing:
    def test_one_fault_can_be_corrected_while_another_stays(self) -> None:
        before = SHARED + "[leds]\na=IR\n[stirring.config]\ninitial_target_rpm=fast\n"
        after = SHARED + "[leds]\na=IR\n[stirring.config]\ninitial_target_rpm=400\n"
        check_shared(after, known=faults_of_text(before))
        with pytest.raises(ConfigurationError, match="is not a channel"):
            check_shared(after)

    def test_a_fault_of_the_shared_file_does_not_block_the_units_own(self) -> None:
        shared = SHARED + "[leds]\na=IR\n"
        check_local(shared, "[stirring.config]\ninitial_target_rpm=400\n")
        with pytest.raises(ConfigurationError, match="initial_target_rpm"):
            check_local(shared, "[stirring.config]\ninitial_target_rpm=fast\n")


class TestKeysWithoutEffect:
    @pytest.mark.parametrize(
        ("text", "attribute", "value", "words"),
        [
            ("[stirring.pid]\nkp=0.9\n", ("stirring_pid", "Kp"), 0.9, "is now Kp; its value is used"),
            ("[Stirring.Config]\npwm_hz=100\n", ("stirring", "pwm_hz"), 100.0, "[stirring.config] pwm_hz"),
            ("[od_config]\nsamples_per_second=0.5\n", ("od_reading", "samples_per_second"), 0.5, "[od_reading.config]"),
            ("[stirring]\ntarget_rpm=450\n", ("stirring", "initial_target_rpm"), 450.0, "initial_target_rpm"),
            ("[stiring.config]\npwm_hz=100\n", ("stirring", "pwm_hz"), 200.0, "Did you mean [stirring.config] pwm_hz"),
            ("[stirring.config]\npwm_h=100\n", ("stirring", "pwm_hz"), 200.0, "Did you mean pwm_hz? In force: 200"),
            ("[cluster.inventory]\nworker1=1\n", ("ui", "port"), 80, "pio workers add"),
            ("[stirring.pid]\nkp=2\nKp=3\n", ("stirring_pid", "Kp"), 3.0, "Did you mean Kp? In force: 3"),
        ],
    )
    def test_is_told_with_the_present_name(
        self, tmp_path: Path, text: str, attribute: tuple[str, str], value: float, words: str
    ) -> None:
        settings = _loaded(tmp_path, text)
        section, key = attribute
        assert getattr(getattr(settings, section), key) == value
        assert not settings.faults
        assert any(words in warning for warning in settings.warnings), settings.warnings

    def test_sections_of_plugins_are_their_own(self, tmp_path: Path) -> None:
        assert _loaded(tmp_path, "[gas_valve.config]\nopen_s=3\n").warnings == ()

    def test_a_value_taken_over_is_checked_as_well(self, tmp_path: Path) -> None:
        settings = _loaded(tmp_path, "[stirring]\ntarget_rpm=fast\n")
        assert settings.stirring.initial_target_rpm == 500
        assert "expected a number" in settings.faults[0].message
