"""Settings: decoding of commands, validation of declarations, and inheritance."""

import math
from typing import Any

import pytest

from pioreactor.exc import SettingError
from pioreactor.jobs.job import BackgroundJob, BackgroundJobContrib
from pioreactor.jobs.payloads import encode_payload, parse_payload
from pioreactor.jobs.published_attribute import Status
from pioreactor.jobs.settings import Setting, from_declaration


def named(setting: Setting[Any], name: str = "value") -> Setting[Any]:
    setting.__set_name__(object, name)
    return setting


FLOAT = named(Setting(1.0, ge=0, le=100, unit="%"))


@pytest.mark.parametrize(
    ("setting", "payload", "expected"),
    [
        (FLOAT, b"12.5", 12.5),
        (FLOAT, "0", 0.0),
        (FLOAT, b" 100 ", 100.0),
        (named(Setting(1)), b"7", 7),
        (named(Setting(1)), b"7.0", 7),
        (named(Setting("a")), b"caf\xc3\xa9", "café"),
        (named(Setting({})), b'{"a": [1, 2]}', {"a": [1, 2]}),
        (named(Setting("a", choices=("a", "b"))), b"b", "b"),
        *((named(Setting(False)), word, True) for word in (b"1", b"true", b"True", b"TRUE", b"on", b"Yes", b"t", b"y")),
        *((named(Setting(True)), word, False) for word in (b"0", b"false", b"False", b"OFF", b"no", b"F")),
    ],
)
def test_a_command_is_decoded_by_datatype(setting: Setting[Any], payload: bytes | str, expected: object) -> None:
    value = setting.decode(payload)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("setting", "payload"),
    [
        (FLOAT, b"-0.001"),
        (FLOAT, b"100.001"),
        (FLOAT, b"nan"),
        (FLOAT, b"inf"),
        (FLOAT, b""),
        (FLOAT, b"fast"),
        (FLOAT, b"\xff\xfe"),
        (named(Setting(1.0)), b"inf"),
        (named(Setting(1.0)), b"-inf"),
        (named(Setting(1.0)), b"nan"),
        (named(Setting(1)), b"7.5"),
        (named(Setting(1)), b"seven"),
        (named(Setting(1)), b"1." + b"0" * 500 + b"1e999"),
        (named(Setting({})), b"{"),
        (named(Setting(False)), b"maybe"),
        (named(Setting(False)), b""),
        (named(Setting("a", choices=("a", "b"))), b"c"),
        (named(Setting(None, datatype="GrowthRate")), b"{}"),
    ],
)
def test_an_invalid_command_is_refused_with_a_reason(setting: Setting[Any], payload: bytes) -> None:
    with pytest.raises(SettingError, match="value"):
        setting.decode(payload)


def test_the_refusal_names_the_bounds_and_the_unit() -> None:
    with pytest.raises(SettingError, match=r"between 0 and 100 %.*120"):
        FLOAT.decode("120")
    with pytest.raises(SettingError, match=r"at least 0 mL"):
        named(Setting(1.0, ge=0, unit="mL")).decode("-1")
    with pytest.raises(SettingError, match=r"at most 5"):
        named(Setting(1.0, le=5)).decode("6")


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (True, b"True"),
        (False, b"False"),
        (500.0, b"500.0"),
        (3, b"3"),
        ("text", b"text"),
        (b"raw", b"raw"),
        (None, b""),
        ({"a": 1}, b'{"a":1}'),
        ([1, 2], b"[1,2]"),
        (1e-07, b"1e-07"),
    ],
)
def test_payloads_of_values(value: object, wire: bytes) -> None:
    assert encode_payload(value) == wire


@pytest.mark.parametrize(
    "declared",
    [
        {"settable": True},
        {"datatype": "float"},
        {"datatype": "float", "settable": "yes"},
        {"datatype": "number", "settable": True},
        {"datatype": "float", "settable": True, "color": "red"},
    ],
)
def test_a_declaration_that_is_wrong_is_refused(declared: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"setting|datatype"):
        from_declaration("x", declared)


@pytest.mark.parametrize("name", ["two__underscores", "_leading", "trailing_", "with space", "dash-ed", ""])
def test_a_name_must_fit_into_a_topic(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        named(Setting(1.0), name)


def test_a_plugins_dictionary_becomes_descriptors() -> None:
    class Bubbler(BackgroundJobContrib):
        job_name = "bubbler"
        published_settings = {  # noqa: RUF012  as plugins write it
            "duty": {"datatype": "float", "settable": True, "unit": "%"},
            "note": {"datatype": "string", "settable": False, "persist": True},
        }
        duty = 30

    settings = Bubbler.settings()
    assert settings["duty"].default == 30
    assert set(settings) == {"duty"}
    assert settings["duty"].unit == "%"
    assert isinstance(Bubbler.published()["note"], Status)
    assert Bubbler.published()["note"].persist
    assert Bubbler.published_settings["duty"] == {"datatype": "float", "settable": True, "persist": False, "unit": "%"}


def test_subclasses_inherit_settings_and_may_change_a_default_without_changing_the_base() -> None:
    class Base(BackgroundJob):
        job_name = "base"
        speed = Setting(1.0, ge=0, le=10)

    class Fast(Base):
        job_name = "fast"
        speed = 9.0
        extra = Setting("x")

    assert Base.settings()["speed"].default == 1.0
    assert Fast.settings()["speed"].default == 9.0
    assert Fast.settings()["speed"].le == 10
    assert set(Fast.settings()) == {"speed", "extra"}
    assert set(Base.settings()) == {"speed"}
    assert set(Fast.published_settings) == {"speed", "extra"}
    assert math.isclose(Fast.__dict__["speed"].default, 9.0)


@pytest.mark.parametrize("text", ["\u0663", "1_000", "\uff11", "nan-1", "[" * 10_000])
@pytest.mark.parametrize("datatype", ["integer", "json"])
def test_numbers_are_ascii_and_payloads_are_shallow(datatype: str, text: str) -> None:
    with pytest.raises(SettingError):
        parse_payload("x", datatype, text)
