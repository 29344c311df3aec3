"""Every declared setting of every job and automation refuses what it does not accept, by every way to it."""

import copy
import math
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.actions.bioreactor import initial_state
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.cli.setting_options import setting_option
from pioreactor.exc import ConfigurationError, SettingError
from pioreactor.experiment_profiles.option_checks import _value_fault
from pioreactor.jobs.command_sender import CommandSender
from pioreactor.jobs.dodging import BackgroundJobWithDodging
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.settings import Setting
from pioreactor.models import BUILTIN_MODELS
from pioreactor.runtime import context
from pioreactor.settings.faulty_values import refusing, within_model
from pioreactor.settings.fields import FieldDescription, _metas, describe, expected, limits_of
from pioreactor.settings.load import settings_of
from pioreactor.settings.schema import SECTIONS
from pioreactor.settings.sections import Section
from pioreactor.testing.simulation import EXPERIMENT, Bench
from pioreactor.web.catalog import Declared, DeclaredCatalog
from pioreactor.web.descriptors import describe_automation
from pioreactor.web.leader.jobs import _check_setting
from pioreactor.web.ports import Kind

NO_NUMBERS = ("nan", "inf", "-inf", "1e999", "", "abc", "True", "1_0", "１", "[1]", "null")


@cache
def declared() -> list[tuple[Declared, str, Setting[Any]]]:
    catalog = DeclaredCatalog(Path("no-plugins"))
    every = [*catalog.jobs(), *(one for kind in get_args(Kind) for one in catalog.automations(kind))]
    ours = [one for one in every if one.source == "app"]  # tests of this process may have defined others
    return [(one, name, setting) for one in ours for name, setting in sorted(one.settings.items())]


def bad_payloads(setting: Setting[Any]) -> st.SearchStrategy[str]:
    """Give payloads that are out of bounds, not finite or of the wrong type; nothing for free text."""
    if setting.datatype in ("float", "integer"):
        bad = [st.sampled_from(NO_NUMBERS)]
        if setting.ge is not None:
            bad.append(st.floats(max_value=math.nextafter(setting.ge, -math.inf), allow_infinity=False).map(repr))
        if setting.le is not None:
            bad.append(st.floats(min_value=math.nextafter(setting.le, math.inf), allow_infinity=False).map(repr))
        if setting.datatype == "integer":
            bad.append(st.just("1.5"))
        return st.one_of(bad)
    if setting.datatype == "boolean":
        return st.sampled_from(["2", "", "maybe", "nan", "[true]"])
    if setting.datatype == "json":
        return st.sampled_from(["{", "", "nan"])
    if setting.choices is not None:
        return st.sampled_from(["", "nan", "1", "no such choice"])
    return st.nothing()


@st.composite
def refusable(draw: st.DrawFn) -> tuple[Declared, str, Setting[Any], str]:
    checked = [each for each in declared() if not bad_payloads(each[2]).is_empty]
    one, name, setting = draw(st.sampled_from(checked))
    return one, name, setting, draw(bad_payloads(setting))


def test_settings_are_found() -> None:
    assert len(declared()) > 20
    unbounded = [
        f"{one.job_name} {one.automation_name} {name}"
        for one, name, setting in declared()
        if setting.datatype in ("float", "integer") and setting.ge is None and setting.le is None
    ]
    assert unbounded == []


@given(refusable())
def test_http_cli_and_profiles_refuse_with_the_bounds(case: tuple[Declared, str, Setting[Any], str]) -> None:
    one, name, setting, payload = case
    with pytest.raises(SettingError) as raised:
        _check_setting([one], one.job_name, None, name, payload)
    assert raised.value.status == 400
    assert name in str(raised.value)

    with pytest.raises(click.BadParameter):
        setting_option(setting).type.convert(payload, None, None)

    (fault,) = _value_fault(setting, payload, "options")
    assert fault.severity == "error"


@given(refusable(), st.sampled_from([None, True, [1.0], {"a": 1}, math.nan, math.inf, 10**400]))
def test_values_of_json_are_refused_like_text(case: tuple[Declared, str, Setting[Any], str], value: object) -> None:
    one, name, setting, _ = case
    if setting.datatype not in ("float", "integer"):
        return
    with pytest.raises(SettingError):
        _check_setting([one], one.job_name, None, name, value)
    if value is not None:  # to a constructor it means that the option was not given
        with pytest.raises(SettingError):
            setting.parse(value)


@pytest.mark.parametrize("value", [1.5, True, "1.5", "x"])
def test_a_whole_number_is_whole(value: Any) -> None:
    setting = Setting[Any](datatype="integer")
    setting.name = "count"
    with pytest.raises(SettingError, match="count must be"):
        setting.parse(value)


def test_the_bound_of_a_model_narrows_that_of_the_class() -> None:
    cool, warm = (
        next(model for model in BUILTIN_MODELS if model.max_temp_to_reduce_heating == most) for most in (63, 78)
    )
    one, name, setting = next(each for each in declared() if each[2].le_by_model == "max_temp_to_reduce_heating")
    assert (one.automation_name, name) == ("thermostat", "target_temperature")
    assert (setting.for_model(cool).le, setting.for_model(warm).le, setting.le) == (63, 78, 78)
    _check_setting([one], one.job_name, warm, name, 70)
    with pytest.raises(SettingError, match="between 0 and 63 ℃, not 70"):
        _check_setting([one], one.job_name, cool, name, 70)
    described = describe_automation(one, cool)
    assert [field.max for field in described.fields if field.key == name] == [63]


def test_bounds_are_those_of_the_configuration() -> None:
    for one, name, setting in declared():
        if setting.config is not None:
            limits = limits_of(*setting.config)
            assert (setting.ge, setting.le) == (limits.ge, limits.le), (one.job_name, name)


@given(refusable())
def test_the_configuration_file_refuses_like_the_command_line(
    case: tuple[Declared, str, Setting[Any], str],
) -> None:
    """The shipped default stands, the fault is reported with the bounds, and a job that uses the section refuses."""
    _, name, setting, payload = case
    if setting.config is None or payload == "":  # a blank value takes the place of none
        return
    section, key = _place_of(*setting.config), setting.config[1]
    settings = settings_of({}, {section: {key: payload}})
    assert settings.raw.as_dict() == settings_of({}, {}).raw.as_dict()
    (fault,) = settings.faults
    assert (fault.section, fault.key) == (section, key)
    assert all(f"{limit:g}" in fault.message for limit in (setting.ge, setting.le) if limit is not None), name
    assert settings.notices == (f"{fault.message}. The value is skipped.",)
    with pytest.raises(ConfigurationError, match=re.escape(fault.message)):
        getattr(refusing(settings), SECTIONS[section][0])


def _place_of(type_: type[Section], key: str) -> str:
    return next(name for name, (_, found) in SECTIONS.items() if found is type_ and hasattr(found, key))


def _bad_values(field: FieldDescription) -> list[str]:
    """Return texts that the key of a section does not take: beyond its bounds, not finite, of another type."""
    meta = [meta for meta in _metas(field.type) if meta.ge is not None or meta.gt is not None]
    low = [meta.ge if meta.ge is not None else meta.gt for meta in meta]
    high = [meta.le if meta.le is not None else meta.lt for meta in _metas(field.type)]
    beyond = [repr(limit - 1 - abs(limit)) for limit in low if limit is not None]
    beyond += [repr(limit + 1 + abs(limit)) for limit in high if limit is not None]
    takes_text = expected(field.type).startswith("text")
    return [] if takes_text else [*beyond, *(word for word in NO_NUMBERS if word not in ("", "True")), "2.5x"]


EVERY_KEY = [(name, field) for name, (_, type_) in SECTIONS.items() for field in describe(type_) if _bad_values(field)]


@given(st.data())
def test_each_key_of_the_configuration_refuses_what_it_does_not_take(data: st.DataObject) -> None:
    name, field = data.draw(st.sampled_from(EVERY_KEY))
    settings = settings_of({}, {name: {field.key: data.draw(st.sampled_from(_bad_values(field)))}})
    assert [(fault.section, fault.key) for fault in settings.faults] == [(name, field.key)]
    assert expected(field.type) in settings.faults[0].message
    assert settings.raw.as_dict() == settings_of({}, {}).raw.as_dict()


def test_a_volume_that_the_units_model_does_not_hold_is_refused(bench: Bench) -> None:
    """The bound is that of the unit's own model; commands that repair run on the default."""
    runtime = bench.unit.runtime
    most = runtime.model().reactor_capacity_ml
    for key in ("initial_volume_ml", "efflux_tube_volume_ml"):
        settings = settings_of({}, {"bioreactor": {key: str(most + 0.5)}})
        wrong = replace(runtime, settings=settings)
        assert (initial_state(wrong).current_volume_ml, initial_state(wrong).efflux_tube_volume_ml) == (15.0, 15.0)
        (fault,) = within_model(settings, runtime.model()).faults
        assert f"{key} = {most + 0.5:g}: expected a number from 0 to {most:g} [mL]" in fault.message
        assert within_model(settings_of({}, {"bioreactor": {key: str(most)}}), runtime.model()).faults == ()
        with (
            pytest.raises(ConfigurationError, match=f"{key} = {most + 0.5:g}"),
            context.using(replace(wrong, refuses_faults=True)),
        ):
            Chemostat(exchange_volume_ml=0.5, duration=60).clean_up()


def test_a_job_does_not_begin_with_a_value_that_its_setting_refuses(bench: Bench) -> None:
    """Whatever gave the value: a plugin reads its own section, a caller constructs the job."""

    class Valve(BackgroundJob):
        job_name = "valve_with_bounds"
        opening = Setting(0.0, unit="%", ge=0, le=100)

        def __init__(self, opening: float) -> None:
            super().__init__(bench.unit.name, EXPERIMENT)
            self.opening = opening

    for opening in (-1.0, 101.0, math.nan, math.inf):
        with pytest.raises(SettingError, match=f"opening must be between 0 and 100 %, not {opening}"):
            bench.start(lambda opening=opening: Valve(opening))  # type: ignore[misc]
    assert bench.start(lambda: Valve(100.0)).state == "ready"
    bench.wait(1.0)
    assert "opening must be between 0 and 100 %, not -1.0" in bench.logged("error")


@pytest.mark.parametrize("delay", ["nan", "-1", "inf", "soon"])
def test_delays_of_any_dodging_job_are_refused(bench: Bench, delay: str) -> None:
    class Shaker(BackgroundJobWithDodging):
        job_name = "shaker"

    settings = settings_of({}, {"shaker.config": {"pre_delay_duration": delay}})
    with (
        pytest.raises(ConfigurationError, match=r"pre_delay_duration = .*expected a number of at least 0 .s"),
        context.using(replace(bench.unit.runtime, settings=settings)),
    ):
        Shaker(bench.unit.name, EXPERIMENT)


def test_a_running_job_refuses_over_mqtt_and_keeps_its_value(bench: Bench) -> None:
    """A job that has every declared setting, each with a value in force."""
    names: dict[str, Setting[Any]] = {}
    for index, (_, name, setting) in enumerate(declared()):
        if not bad_payloads(setting).is_empty:
            attribute = copy.copy(setting)
            attribute.default = None
            names[f"s{index}_{name}"] = attribute
    made: Any = type("Everything", (BackgroundJob,), {"job_name": "everything", **names})
    job = bench.start(lambda: made(bench.unit.name, EXPERIMENT))
    bus, unit = bench.simulation.broker.connect("sender"), bench.unit.name

    for name, setting in names.items():
        for payload in _examples(setting):
            sender = CommandSender(
                bus, bench.simulation.clock, unit=unit, experiment=EXPERIMENT, job="everything", units=[unit]
            )
            sender.send({name: payload.encode()})
            (outcome,) = sender.wait()
            assert outcome.status == "refused", (name, payload)
            assert getattr(job, name) is None
            with pytest.raises(SettingError):
                job.apply(name, setting.parse(payload))


def _examples(setting: Setting[Any]) -> list[str]:
    found = [str(limit) for limit in _beyond(setting)]
    if setting.datatype in ("float", "integer"):
        return [*found, *NO_NUMBERS]
    return ["2"] if setting.datatype == "boolean" else ["{"] if setting.datatype == "json" else ["no such choice"]


def _beyond(setting: Setting[Any]) -> list[float]:
    return [limit + sign * (1 + abs(limit)) for limit, sign in ((setting.ge, -1), (setting.le, 1)) if limit is not None]
