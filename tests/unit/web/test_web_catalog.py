"""Descriptors of the jobs and automations that come with the package."""

from pathlib import Path

import pytest

from pioreactor.automations import registry
from pioreactor.web.catalog import DeclaredCatalog
from pioreactor.web.descriptors import describe_automation, describe_capabilities, describe_job


def test_every_job_of_ours_is_described(tmp_path: Path) -> None:
    jobs = {job.job_name: describe_job(job) for job in DeclaredCatalog(tmp_path).jobs()}

    assert {"stirring", "od_reading", "growth_rate_calculating"} <= set(jobs)
    stirring = {setting.key: setting for setting in jobs["stirring"].published_settings}
    assert (stirring["target_rpm"].unit, stirring["target_rpm"].editable) == ("RPM", True)
    assert not stirring["measured_rpm"].editable
    assert jobs["stirring"].description
    assert not jobs["monitor"].display


@pytest.mark.parametrize("kind", ["dosing", "led", "temperature"])
def test_every_automation_of_ours_is_described(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A plugin, such as other tests of this process define, may take the name of one of ours.
    monkeypatch.setattr(registry, "_registered", {known: {} for known in registry.BUILT_IN})
    found = {automation.automation_name: automation for automation in DeclaredCatalog(tmp_path).automations(kind)}  # type: ignore[arg-type]

    assert set(registry.BUILT_IN[kind]) <= set(found)
    for name in registry.BUILT_IN[kind]:
        described = describe_automation(found[name])
        assert described.description
        assert len({field.key for field in described.fields}) == len(described.fields)


def test_capabilities_name_what_can_be_typed(tmp_path: Path) -> None:
    found = {
        (capability.job_name, capability.automation_name): capability
        for capability in describe_capabilities(DeclaredCatalog(tmp_path))
    }
    turbidostat = found["dosing_automation", "turbidostat"]
    assert turbidostat.cli_example == "pio run dosing_automation --automation-name turbidostat"
    assert all(option.long_flag == option.name.replace("_", "-") for option in turbidostat.options)


def test_a_plugins_job_and_automation_are_described_and_a_broken_one_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "bubbling.py").write_text(
        "from pioreactor.jobs.job import BackgroundJob\n"
        "class Bubbler(BackgroundJob):\n"
        "    'Bubbles air through the culture.'\n"
        "    job_name = 'bubbling'\n"
        "    published_settings = {'rate': {'datatype': 'float', 'settable': True, 'unit': 'mL/min'}}\n"
    )
    (tmp_path / "broken.py").write_text("raise RuntimeError('not today')\n")

    jobs = {job.job_name: describe_job(job) for job in DeclaredCatalog(tmp_path).jobs()}

    assert jobs["bubbling"].description == "Bubbles air through the culture."
    assert jobs["bubbling"].source == "bubbling"
    [rate] = [setting for setting in jobs["bubbling"].published_settings if setting.key == "rate"]
    assert (rate.unit, rate.editable) == ("mL/min", True)
    assert "stirring" in jobs


PLUGIN_WITHOUT_LABELS = """
from pioreactor.automations.dosing.base import DosingAutomationJobContrib
from pioreactor.background_jobs.stirring.job import Stirrer
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.measurement import Measurement
from pioreactor.jobs.settings import Setting

class GasValve(BackgroundJob):
    job_name = "gas_valve"
    published_settings = {"open_seconds": {"datatype": "float", "settable": True, "unit": "s"}}
    closed_seconds = Setting(1.0, unit="s")
    pressure = Measurement[float](unit="bar")
    hidden = Setting(1.0, display=False)

class Wobbler(Stirrer):
    job_name = "wobbling"
    wobble = Setting(0.5)

class Pulses(DosingAutomationJobContrib):
    automation_name = "pulses_without_labels"
    pulse_ml = Setting(0.5, unit="mL", ge=0, le=2)
"""


def test_what_a_plugin_declares_without_a_label_is_shown_under_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_registered", {known: {} for known in registry.BUILT_IN})
    (tmp_path / "without_labels.py").write_text(PLUGIN_WITHOUT_LABELS)
    catalog = DeclaredCatalog(tmp_path)
    jobs = {job.job_name: describe_job(job) for job in catalog.jobs()}
    shown = {setting.key: setting.label for setting in jobs["gas_valve"].published_settings if setting.display}
    assert shown == {"open_seconds": "Open seconds", "closed_seconds": "Closed seconds", "pressure": "Pressure"}
    of_ours = {setting.key for setting in jobs["stirring"].published_settings if setting.display}
    assert {setting.key for setting in jobs["wobbling"].published_settings if setting.display} == {*of_ours, "wobble"}
    automations = {one.automation_name: describe_automation(one) for one in catalog.automations("dosing")}
    pulses = automations["pulses_without_labels"]
    [pulse] = [setting for setting in pulses.published_settings if setting.display]
    assert (pulse.key, pulse.label, pulse.unit, pulse.min, pulse.max) == ("pulse_ml", "Pulse ml", "mL", 0, 2)
