"""Settings of automations: declared in the class, described by the API, set and checked while the automation runs."""

import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.automations import registry
from pioreactor.automations.base import AutomationJob
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.cli.run_commands import command_of
from pioreactor.exc import SettingError
from pioreactor.job_catalog import JOBS
from pioreactor.jobs.settings import AnySetting, Setting, settings_of
from pioreactor.testing.simulation import Bench, simulated_bench
from pioreactor.web.catalog import DeclaredCatalog
from pioreactor.web.descriptors import describe_automation

AUTOMATIONS = [(kind, name) for kind, names in registry.BUILT_IN.items() for name in names]
NUMBERS = ("float", "integer")
BOUNDED = [
    setting
    for cls in (*(spec.load() for spec in JOBS.values()), *(registry.find(kind, name) for kind, name in AUTOMATIONS))
    for setting in settings_of(cls).values()
    if setting.datatype in NUMBERS and setting.le is not None and setting.ge is not None
]
"""Numeric settings of all built-in jobs and automations."""


def declared_by(kind: str, name: str) -> dict[str, Any]:
    return {key: value for key, value in registry.find(kind, name).settings().items()}


@pytest.mark.parametrize(("kind", "name"), AUTOMATIONS)
def test_each_setting_has_a_label_help_and_numbers_have_unit_and_bounds(kind: str, name: str) -> None:
    for setting in declared_by(kind, name).values():
        assert setting.label and setting.help, setting.name
        if setting.datatype in NUMBERS:
            assert setting.unit and setting.ge is not None and setting.le is not None, setting.name


@pytest.mark.parametrize(("kind", "name"), AUTOMATIONS)
def test_the_api_describes_what_can_be_set_while_it_runs(kind: str, name: str, tmp_path: Path) -> None:
    found = {one.automation_name: one for one in DeclaredCatalog(tmp_path).automations(kind)}  # type: ignore[arg-type]
    described = describe_automation(found[name])
    editable = {one.key: one for one in described.published_settings if one.editable}
    declared = declared_by(kind, name)
    assert set(editable) == set(declared) == {field.key for field in described.fields}
    for key, setting in declared.items():
        assert (editable[key].unit, editable[key].min, editable[key].max) == (setting.unit, setting.ge, setting.le)
    assert "latest_event" in {one.key for one in described.published_settings if not one.editable}


@given(setting=st.sampled_from(BOUNDED), excess=st.floats(min_value=1e-3, max_value=1e9), is_below=st.booleans())
def test_a_number_beyond_declared_bounds_is_refused(setting: AnySetting, excess: float, is_below: bool) -> None:
    bound = setting.ge if is_below else setting.le
    assert bound is not None
    asked = bound - excess - 1 if is_below else bound + excess + 1
    value = math.floor(asked) if setting.datatype == "integer" and is_below else asked
    for text in (str(value), f"{math.copysign(math.inf, asked)}", "nan", "much"):
        with pytest.raises(SettingError):
            setting.parse(text)
    with pytest.raises(SettingError):
        setting.parse(value)
    assert not setting.clamp


def test_a_setting_is_changed_within_its_bounds_while_the_automation_runs() -> None:
    with simulated_bench(scenario="water") as bench:
        job = bench.start(lambda: Chemostat(exchange_volume_ml=0.5, duration=60))
        bench.set("dosing_automation", "exchange_volume_ml", "0.8")
        bench.set("dosing_automation", "duration", "30")
        bench.wait(1.0)
        assert (job.exchange_volume_ml, job.duration) == (0.8, 30.0)
        bench.set("dosing_automation", "exchange_volume_ml", "21")
        bench.set("dosing_automation", "duration", "0")
        bench.wait(1.0)
        assert (job.exchange_volume_ml, job.duration) == (0.8, 30.0)
        refusals = [line for line in bench.logged("warning") if "Refused" in line]
        assert any("exchange_volume_ml must be between 0 and 20 mL, not 21" in line for line in refusals)
        assert any("duration must be between 0.05 and 100000 min" in line for line in refusals)
        assert bench.payloads("dosing_automation/exchange_volume_ml")[-1] == b"0.8"


def test_an_automation_does_not_start_with_more_than_the_vial_of_its_unit_holds() -> None:
    with simulated_bench(scenario="water") as bench, pytest.raises(SettingError, match="between 0 and 20 mL, not 21"):
        bench.start(lambda: Chemostat(exchange_volume_ml=21, duration=60))


@pytest.mark.parametrize(
    ("kind", "name", "options", "values"),
    [
        (
            "dosing",
            "chemostat",
            {"duration": 60},
            "exchange volume 0.5 mL, time between exchanges 60 min, correct for the pump gain True",
        ),
        ("temperature", "thermostat", {"target_temperature": "37"}, "target temperature 37 ℃"),
        ("dosing", "silent", {}, ""),
    ],
)
def test_the_log_names_what_was_started_with_which_values(
    kind: str, name: str, options: dict[str, Any], values: str
) -> None:
    with simulated_bench(scenario="water") as bench:
        start_unchecked(bench, registry.find(kind, name), **options)
        bench.wait(1.0)
        [line] = [one for one in bench.logged("info") if one.startswith(f"Started {name}")]
        assert line == f"Started {name} on {bench.unit.name}{': ' if values else ''}{values}."


@pytest.mark.parametrize("kind", sorted(registry.BUILT_IN))
def test_declared_settings_are_options_without_a_constructor(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._registered, kind, {})
    base = next(cls for cls in registry.find(kind, registry.names(kind)[0]).__mro__ if "kind" in vars(cls))
    body = {
        "automation_name": "bare",
        "volume_ml": Setting(0.2, unit="mL", label="Volume", ge=0, le=5),
        "duration": Setting(10.0, unit="min", label="Interval", ge=0.05, le=1000),
        "drops_kept": Setting(3.0),
    }
    bare = type("Bare", (base,), body)
    with simulated_bench(scenario="water") as bench:
        start_unchecked(bench, bare, volume_ml="0.4", duration="5", drops_kept=7.0)
        bench.wait(1.0)
        started = f"Started bare on {bench.unit.name}: volume 0.4 mL, interval 5 min, drops kept 7."
        assert started in bench.logged("info")
    with simulated_bench(scenario="water") as bench:
        with pytest.raises(SettingError):
            start_unchecked(bench, bare, volume_ml="6")
        with pytest.raises(TypeError, match="unexpected keyword argument 'volume'"):
            start_unchecked(bench, bare, volume=1)


def start_unchecked(bench: Bench, automation: type[AutomationJob], **options: Any) -> None:
    bench.start(lambda: automation(**options))


@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        ("dosing", "chemostat", {"exchange_volume_ml": "21"}),
        ("dosing", "fed_batch", {"dosing_volume_ml": 50}),
        ("dosing", "turbidostat", {"target_biomass": "-1"}),
        ("led", "light_dark_cycle", {"light_intensity": 101}),
    ],
)
def test_a_value_out_of_bounds_is_refused_at_the_start(kind: str, name: str, options: dict[str, Any]) -> None:
    with simulated_bench(scenario="water") as bench, pytest.raises(SettingError, match="must be"):
        start_unchecked(bench, registry.find(kind, name), **options)


@pytest.mark.parametrize("options", [["--exchange-volume-ml", "10001"], ["--duration", "soon"]])
def test_the_command_line_refuses_values_that_a_setting_does_not_take(options: list[str]) -> None:
    command = command_of(JOBS["dosing_automation"])
    answer = CliRunner().invoke(command, ["--automation-name", "chemostat", *options])
    assert answer.exit_code == 2
    assert options[0] in answer.output
