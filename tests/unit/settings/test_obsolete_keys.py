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


@pytest.fixture(scope="module")
def words() -> set[str]:
    """Every word of the sources that may read the configuration."""
    sources = [*(ROOT / "src" / "pioreactor").rglob("*.py"), *(ROOT / "ui" / "src").rglob("*.ts*")]
    texts = [path.read_text(encoding="utf-8") for path in sources if path.name not in DECLARING]
    return {word for text in texts for word in re.findall(r"\w+", text)}


def test_every_key_is_read_or_said_to_have_no_effect(words: set[str]) -> None:
    unread = [
        f"[{name}] {field.key}"
        for name, (attribute, type_) in SECTIONS.items()
        if name not in SPREAD
        for field in describe(type_)
        if not field.obsolete and (field.key not in words or attribute not in words)
    ]
    assert unread == []
    assert [name for name, section in MAPS.items() if section.attribute not in words] == []


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
