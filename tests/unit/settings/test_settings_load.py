"""Configuration files become checked, frozen values."""

import configparser
from pathlib import Path
from typing import Annotated

import pytest

from pioreactor.exc import ConfigurationError
from pioreactor.settings.fields import quantity, text
from pioreactor.settings.ini import read_ini
from pioreactor.settings.load import load_settings, settings_of_text
from pioreactor.settings.overrides import Override, parse_overrides
from pioreactor.settings.schema import SECTIONS, default_sections
from pioreactor.settings.sections import Section


def test_no_files_give_the_shipped_values() -> None:
    settings = load_settings()

    assert settings.stirring.initial_target_rpm == 500
    assert settings.stirring.use_rpm is True
    assert settings.od_reading.ir_led_intensity == 80
    assert settings.od_reading.local_ac_hz is None
    assert settings.thermostat.Kd == 4.6
    assert settings.pwm == {"1": "stirring", "2": "media", "3": "alt_media", "4": "waste", "5": "heating"}
    assert settings.leds == {"A": "IR"}
    assert settings.photodiodes == {"1": "REF", "2": "90"}
    assert settings.hardware.rig == "rpi"
    assert settings.journal.max_mb == 200
    assert settings.warnings == ()


def test_the_unit_wins_over_the_cluster_and_the_command_line_over_both(tmp_path: Path) -> None:
    shared, local = tmp_path / "config.ini", tmp_path / "unit_config.ini"
    shared.write_text("[stirring.config]\ninitial_target_rpm=300\npwm_hz=100\nuse_rpm=no\n")
    local.write_text("[stirring.config]\npwm_hz=150\nuse_rpm=On\n")

    settings = load_settings(shared, local, [Override("stirring.config", "use_rpm", "FALSE")])

    assert settings.stirring.initial_target_rpm == 300
    assert settings.stirring.pwm_hz == 150
    assert settings.stirring.use_rpm is False
    source = {key: settings.sources["stirring.config", key] for key in ("initial_target_rpm", "pwm_hz", "use_rpm")}
    assert source == {"initial_target_rpm": "global", "pwm_hz": "local", "use_rpm": "override"}
    assert settings.sources["stirring.config", "initial_duty_cycle"] == "default"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "[stirring.config]\ninitial_target_rpm=fast",
            "[stirring.config] initial_target_rpm = 'fast': expected a number",
        ),
        (
            "[stirring.config]\ninitial_duty_cycle=101",
            "initial_duty_cycle = '101': expected a number from 0 to 100 [%]",
        ),
        ("[stirring.config]\nuse_rpm=maybe", "expected yes or no"),
        ("[stirring.config]\ninitial_target_rpm", "expected a number"),
        ("[od_reading.config]\nsamples_per_second=0", "expected a number above 0 up to 10 [1/s]"),
        ("[od_reading.config]\nsamples_per_second=nan", "expected a number"),
        ("[od_reading.config]\nir_led_intensity=bright", "from 0 to 100 [%] or auto"),
        ("[growth_rate_calculating.config]\nsamples_for_od_statistics=2.5", "expected a whole number"),
        ("[logging]\nconsole_log_level=loud", "expected one of DEBUG, INFO"),
        ("[od_config.photodiode_channel]\n1=91", "expected one of 45, 90, 135, 180, REF, or blank"),
        ("[od_config.photodiode_channel]\n1=REF\n3=REF", "channels 1 and 3 are both REF"),
        ("[PWM]\n7=media", "is not a channel"),
        ("[PWM]\n1=media\n2=media", "media is on channel 1 and on channel 2"),
        ("initial=1", "line 1: 'initial=1' is before the first [section]"),
        ("[mqtt\nusername=x", "config.ini"),
    ],
)
def test_a_bad_value_is_named_with_its_place(line: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        settings_of_text(line)
    assert said in str(error.value)
    assert "config.ini" in str(error.value) or "[" in str(error.value)


def test_the_error_names_the_file_the_value_is_in(tmp_path: Path) -> None:
    local = tmp_path / "unit_config.ini"
    local.write_text("[ui]\nport=http\n")
    [fault] = load_settings(None, local).faults
    assert "unit_config.ini: [ui] port = 'http'" in fault.message


def test_the_error_does_not_show_a_secret() -> None:
    class Cloud(Section, frozen=True):
        pin: Annotated[int, quantity("number")] = 0
        token: Annotated[bool, text("never shown", secret=True)] = False

    with pytest.raises(ConfigurationError) as error:
        settings_of_text("[cloud]\ntoken=hunter2").section("cloud", Cloud)
    assert "hunter2" not in str(error.value)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_bytes(b"[ui]\nport=\xff80\n")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_ini(path)
    assert "UTF-8" in load_settings(path).faults[0].message


def test_keys_are_case_sensitive_and_the_last_duplicate_wins() -> None:
    settings = settings_of_text("[stirring.pid]\nKp=1\nkp=2\nKp=3\n[stirring.pid]\nKi=4\n")
    assert settings.stirring_pid.Kp == 3
    assert settings.stirring_pid.Ki == 4
    assert settings.raw.get("stirring.pid", "kp") == "2"


def test_percent_signs_and_semicolons_are_ordinary_characters() -> None:
    settings = settings_of_text("[mqtt]\npassword=%(x)s;%\n")
    assert settings.mqtt.password == "%(x)s;%"


def test_a_section_default_is_ordinary() -> None:
    settings = settings_of_text("[DEFAULT]\nport=81\n[ui]\nproto=https\n")
    assert settings.ui.port == 80
    assert settings.raw.get("DEFAULT", "port") == "81"


def test_derived_sections() -> None:
    settings = settings_of_text(
        "[PWM]\n1=stirring\n2=waste\n[leds]\nA=\nB=IR\nC\n"
        "[od_config.photodiode_channel]\n1=REF\n2=\n3=90\n4\n"
        "[cluster.topology]\nleader_hostname=boss\nleader_address=10.0.0.1\n"
        "[mqtt]\nbroker_address = 10.0.0.9 ;10.0.0.1\n"
    )
    raw = settings.raw
    assert dict(raw["PWM_reverse"]) == {"stirring": "1", "waste": "2"}
    assert dict(raw["leds_reverse"]) == {"IR": "B"}
    assert dict(raw["od_config.photodiode_channel"]) == {"1": "REF", "3": "90"}
    assert raw.get("cluster.addresses", "boss") == "10.0.0.1"
    assert settings.cluster_addresses == {"boss": "10.0.0.1"}
    assert settings.mqtt.broker_address == raw.get("mqtt", "broker_address") == "10.0.0.9"
    assert settings.broker_host == "10.0.0.9"
    assert settings.pwm_channel_of == {"stirring": "1", "waste": "2"}
    assert settings.led_channel_of == {"IR": "B"}
    assert settings.sources["PWM_reverse", "waste"] == "derived"
    assert settings.sources["cluster.addresses", "boss"] == "derived"


def test_a_role_that_was_moved_does_not_stay_on_its_shipped_channel() -> None:
    settings = settings_of_text("[PWM]\n2=waste\n")
    assert settings.pwm == {"2": "waste"}


def test_the_broker_is_at_the_leader_unless_said() -> None:
    topology = "[cluster.topology]\nleader_hostname=boss\n"
    assert settings_of_text(topology).broker_host == "boss.local"
    assert settings_of_text(topology + "leader_address=10.1.1.1\n").broker_host == "10.1.1.1"
    assert settings_of_text("").broker_host == "localhost"


def test_a_misspelled_key_is_a_warning_and_a_plugins_key_is_not() -> None:
    settings = settings_of_text("[stirring.config]\ninital_target_rpm=3\n[od_reading.config]\nmy_plugin_flag=1\n")
    (warning,) = settings.warnings
    assert "inital_target_rpm" in warning
    assert "Did you mean initial_target_rpm?" in warning
    assert settings.raw.getboolean("od_reading.config", "my_plugin_flag") is True


def test_a_plugin_reads_its_own_section_typed_and_raw() -> None:
    class Bubbler(Section, frozen=True):
        rate: Annotated[float, quantity("bubbles", unit="1/s", ge=0)] = 2.0
        quiet: bool = False

    settings = settings_of_text("[bubbler.config]\nrate=3\n")
    assert settings.section("bubbler.config", Bubbler) == Bubbler(rate=3.0)
    assert settings.section("absent", Bubbler) == Bubbler()
    assert settings.raw.getfloat("bubbler.config", "rate") == 3
    assert settings.raw.getint("bubbler.config", "absent", fallback=7) == 7
    assert settings.raw.getboolean("absent", "absent", fallback=None) is None
    with pytest.raises(configparser.NoOptionError):
        settings.raw.get("bubbler.config", "absent")


def test_the_raw_parser_says_what_it_expected() -> None:
    raw = settings_of_text("[x]\nword=abc\nbare\n").raw
    for read in (raw.getint, raw.getfloat, raw.getboolean):
        for key in ("word", "bare"):
            with pytest.raises(ValueError, match=r"\[x\] (word|bare) = .* expected"):
                read("x", key)


def test_shipped_values_are_known_to_the_raw_parser() -> None:
    settings = load_settings(machine_defaults={"storage": {"database": "/data/lab.sqlite"}})
    assert settings.raw.getfloat("od_reading.config", "samples_per_second") == 0.2
    assert settings.raw.getint("stirring.config", "use_rpm") == 1
    assert settings.raw.get("storage", "database") == "/data/lab.sqlite"
    assert settings.storage.database == "/data/lab.sqlite"
    assert not settings.raw.has_section("ui_basic_auth")


def test_shipped_text_reads_back_as_the_shipped_values() -> None:
    text_ = "".join(
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items())
        for name, keys in default_sections().items()
    )
    shipped, read_back = load_settings(), settings_of_text(text_)
    for attribute, _ in SECTIONS.values():
        assert getattr(read_back, attribute) == getattr(shipped, attribute)
    assert read_back.pwm == shipped.pwm


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        load_settings().stirring.pwm_hz = 3.0  # type: ignore[misc]


def test_secrets_are_listed() -> None:
    settings = settings_of_text("[mqtt]\npassword=hunter2\n[ui_basic_auth]\napi_key=abcdef\n")
    assert settings.secrets() == {"hunter2", "abcdef"}


def test_overrides_of_a_request_are_checked() -> None:
    assert parse_overrides([["stirring.config", "use_rpm", True]]) == (Override("stirring.config", "use_rpm", "1"),)
    for bad in ([["a", "b"]], ["abc"], [["", "b", "c"]]):
        with pytest.raises(ConfigurationError):
            parse_overrides(bad)
    with pytest.raises(ConfigurationError, match=r"command line: .bioreactor. initial_volume_ml = '-1'"):
        settings_of_text("", overrides=[Override("bioreactor", "initial_volume_ml", "-1")])
