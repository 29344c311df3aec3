"""Every declared key is read by something, or says that it has no effect."""

import re
from pathlib import Path

import pytest

from pioreactor.settings.fields import describe
from pioreactor.settings.key_advice import obsolete_keys
from pioreactor.settings.load import load_settings, settings_of_text
from pioreactor.settings.reference_page import config_page
from pioreactor.settings.schema import MAPS, SECTIONS

ROOT = Path(__file__).parents[3]
DECLARING = {"sections.py", "default_config.ini", "schema.d.ts"}
SPREAD = {"resume"}
"""Sections whose keys are read by the name of a job."""
OF_ANY_JOB = {
    ("stirring.config", key): "jobs/dodging.py"
    for key in ("enable_dodging_od", "pre_delay_duration", "post_delay_duration")
}
"""Keys that are read from the section of whichever job it is, and where."""
OF_THE_REFERENCE = {
    "local_access_point": ("ssid", "passphrase", "inet_address"),
    "ui.overview.settings": ("filtered_od_lookback_hours", "raw_od_lookback_hours", "time_display_mode"),
    "ui": ("domain_alias",),
    "mqtt": ("broker_ws_port", "ws_protocol"),
    "logging": ("ui_log_file", "ui_log_level"),
    "od_reading.config": ("smoothing_penalizer", "sample_relative_intensity_fraction"),
    "temperature_automation.thermostat": ("Ki", "Kd"),
    "camera": ("capture_backend", "camera_index", "device_path", "snapshot_interval_minutes", "use_ir_led"),
}
"""Keys of the reference's configuration that no module of ours read at first, or that were missing."""


def read_names(path: Path) -> set[str]:
    """Return the names after a dot, and those that are a string: not words of comments, nor what is declared."""
    return {
        name for names in re.findall(r"\.(\w+)|[\"'](\w+)[\"']", path.read_text(encoding="utf-8")) for name in names
    }


@pytest.fixture(scope="module")
def readers() -> list[tuple[set[str], set[str]]]:
    """Return of each source what it may read of a configuration, and all of its words."""
    python = [path for path in (ROOT / "src" / "pioreactor").rglob("*.py") if path.name not in DECLARING]
    typescript = [path for path in (ROOT / "ui" / "src").rglob("*.ts*") if path.name not in DECLARING]
    found = [(read_names(path), words_of(path)) for path in python]
    # Pages read the sections `ui.*` from answers, without names for the sections.
    return found + [(words_of(path), {"overview"}) for path in typescript if "demo" not in path.parts]


def words_of(path: Path) -> set[str]:
    return set(re.findall(r"\w+", path.read_text(encoding="utf-8")))


def test_every_key_is_read_or_said_to_have_no_effect(readers: list[tuple[set[str], set[str]]]) -> None:
    """A key counts as read in a module that reads a name like it, and knows its section."""
    unread = [
        f"[{name}] {field.key}"
        for name, (attribute, type_) in SECTIONS.items()
        for field in describe(type_)
        if name not in SPREAD and not field.obsolete and (name, field.key) not in OF_ANY_JOB
        if not any(field.key in read and {attribute, type_.__name__} & words for read, words in readers)
    ]
    assert unread == []
    assert [name for name, one in MAPS.items() if not any(one.attribute in words for _, words in readers)] == []


def test_keys_of_any_job_are_read_by_what_jobs_have_in_common() -> None:
    for (_, key), where in OF_ANY_JOB.items():
        assert key in read_names(ROOT / "src" / "pioreactor" / where)


def test_the_keys_of_the_reference_are_known() -> None:
    """Whether each has an effect is the business of the test above: here it must be declared at all."""
    declared = {(name, field.key) for name, (_, type_) in SECTIONS.items() for field in describe(type_)}
    assert {(name, key) for name, keys in OF_THE_REFERENCE.items() for key in keys} - declared == set()
    assert "ui.overview.cards" in MAPS


def test_a_key_without_effect_is_reported_where_it_is_meant() -> None:
    settings = settings_of_text(
        "[mqtt]\nbroker_ws_port=9002\nws_protocol=ws\n[ui.overview.settings]\nraw_od_lookback_hours=7\n"
    )
    assert [warning.split(": ")[1] for warning in settings.warnings] == [
        "[mqtt] broker_ws_port has no effect",
        "[ui.overview.settings] raw_od_lookback_hours has no effect",
    ]
    assert "browsers reach the broker through the leader's web server" in settings.warnings[0]


def test_the_shipped_value_of_a_key_without_effect_is_silent() -> None:
    """The reference writes all of them into every configuration."""
    text = ""
    for (section, key), field in obsolete_keys().items():
        text += f"[{section}]\n{key}={'' if field.default is None else field.default}\n"
    sections: dict[str, list[str]] = {}
    for part in re.findall(r"\[(.+)\]\n(.+)\n", text):
        sections.setdefault(part[0], []).append(part[1])
    joined = "".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items())
    assert settings_of_text(joined).warnings == ()
    assert load_settings().warnings == ()


def test_the_reference_names_what_has_no_effect() -> None:
    page = config_page()
    for (_, key), field in obsolete_keys().items():
        assert f"No effect: {field.obsolete}." in page, key
