"""Descriptors that plugins carry are found in packages and beside plugin files, and used by the web API."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pioreactor.automations import registry
from pioreactor.plugin_management.descriptor_files import DatasetFile, JobFile
from pioreactor.plugin_management.package_files import descriptors
from pioreactor.web.catalog import DeclaredCatalog
from pioreactor.web.descriptors import DescribedSetting, describe_automation, describe_job
from pioreactor.web.leader.overview import charts_of_plugins

Install = Callable[[dict[str, str]], str]

VALVE = """
from pioreactor.background_jobs.base import BackgroundJobContrib


class Valve(BackgroundJobContrib):
    job_name = "valve_case"
    published_settings = {
        "open_seconds": {"datatype": "float", "settable": True, "unit": "s", "persist": True},
        "resume_offset_s": {"datatype": "float", "settable": True, "unit": "s"},
    }
"""
VALVE_YAML = """
display_name: Valve of a test
job_name: valve_case
display: true
source: valve
description: Opens now and then.
published_settings:
  - {key: open_seconds, unit: s, label: Open for, description: How long it is open., type: numeric, display: true,
     default: 5, min: 0.01, step: 0.1}
"""
AUTOMATION = """
from pioreactor.automations.dosing.base import DosingAutomationJobContrib


class Pulse(DosingAutomationJobContrib):
    automation_name = "pulse_case"
    published_settings = {"volume": {"datatype": "float", "settable": True, "unit": "mL"}}

    def __init__(self, volume, pulses, **kwargs):
        super().__init__(**kwargs)
"""
AUTOMATION_YAML = """
display_name: Pulses
automation_name: pulse_case
description: Doses in pulses.
fields:
  - {key: pulses, default: 3, label: Pulses, description: Pulses in a row.}
  - {key: volume, default: 0.5, unit: mL, label: Volume of a pulse}
"""
CHART_YAML = """
chart_key: ph_case
data_source: ph_case_readings
data_source_column: ph
title: pH of a test
mqtt_topic: ph_reading/ph
source: ph_case
y_axis_label: pH
fixed_decimals: 1
y_axis_domain: [0, 14]
y_transformation: "(y) => y"
down_sample: false
lookback: "100000"
"""
DATASET_YAML = """
dataset_name: ph_case_readings
default_order_by: timestamp
description: pH.
display_name: pH
has_experiment: true
has_unit: true
source: ph_case
table: ph_case_readings
timestamp_columns: [timestamp]
"""


def write(folder: Path, relative: str, text: str) -> None:
    file = folder / relative
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def settings_of_valve(folder: Path) -> dict[str, DescribedSetting]:
    [job] = [job for job in DeclaredCatalog(folder).jobs() if job.job_name == "valve_case"]
    return {setting.key: setting for setting in describe_job(job).published_settings}


def test_a_setting_without_a_label_shows_its_key_in_words(folder: Path) -> None:
    write(folder, "valve_under_test.py", VALVE)
    shown = settings_of_valve(folder)
    assert (shown["open_seconds"].label, shown["open_seconds"].display) == ("Open seconds", True)
    assert (shown["resume_offset_s"].label, shown["resume_offset_s"].display) == ("Resume offset s", True)


@pytest.mark.parametrize("place", ["ui/jobs/20_valve.yaml", "ui/contrib/jobs/valve.yaml", "ui/jobs/valve.yml"])
@pytest.mark.parametrize("in_package", [True, False])
def test_the_descriptor_of_a_job_is_used(folder: Path, package: Install, place: str, in_package: bool) -> None:
    if in_package:
        package({"__init__.py": VALVE, place: VALVE_YAML})
    else:
        write(folder, "valve_under_test.py", VALVE)
        write(folder, place, VALVE_YAML)
    [job] = [job for job in DeclaredCatalog(folder).jobs() if job.job_name == "valve_case"]
    assert (job.display_name, job.description) == ("Valve of a test", "Opens now and then.")
    shown = settings_of_valve(folder)
    assert shown["open_seconds"] == DescribedSetting(
        key="open_seconds", type="numeric", display=True, description="How long it is open.", unit="s",
        label="Open for", editable=True, min=0.01, default=5,
    )  # fmt: skip
    assert not shown["resume_offset_s"].display


def test_a_job_that_only_its_descriptor_names_is_described(folder: Path) -> None:
    write(folder, "ui/jobs/script.yaml", "job_name: script_case\ndisplay_name: A script\npublished_settings: []\n")
    [job] = [job for job in DeclaredCatalog(folder).jobs() if job.job_name == "script_case"]
    assert describe_job(job).display_name == "A script"


def test_a_descriptor_may_add_words_to_a_job_of_ours(folder: Path) -> None:
    text = "job_name: stirring\ndisplay_name: Mixing\npublished_settings: [{key: target_rpm, label: Speed}]\n"
    write(folder, "ui/jobs/stirring.yaml", text)
    [job] = [describe_job(job) for job in DeclaredCatalog(folder).jobs() if job.job_name == "stirring"]
    shown = {setting.key: setting for setting in job.published_settings}
    assert (job.display_name, shown["target_rpm"].label, shown["target_rpm"].unit) == ("Mixing", "Speed", "RPM")
    assert shown["measured_rpm"].display


def test_the_form_of_an_automation_is_that_of_its_descriptor(
    folder: Path, package: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_registered", {known: {} for known in registry.BUILT_IN})
    package({"__init__.py": AUTOMATION, "ui/contrib/automations/dosing/pulse.yaml": AUTOMATION_YAML})
    [pulse] = [each for each in DeclaredCatalog(folder).automations("dosing") if each.automation_name == "pulse_case"]
    described = describe_automation(pulse)
    assert (described.display_name, described.description) == ("Pulses", "Doses in pulses.")
    assert [(field.key, field.label, field.unit, field.default) for field in described.fields] == [
        ("pulses", "Pulses", None, 3),
        ("volume", "Volume of a pulse", "mL", 0.5),
    ]
    assert {"volume", "latest_event"} <= {setting.key for setting in described.published_settings}


def test_charts_of_descriptors_are_charts(folder: Path) -> None:
    write(folder, "ui/contrib/charts/ph.yaml", CHART_YAML)
    [chart] = charts_of_plugins(folder)
    assert json.loads(msgspec.json.encode(chart)) == {
        "chart_key": "ph_case",
        "title": "pH of a test",
        "data_source": "ph_case_readings",
        "y_axis_label": "pH",
        "source": "ph_case",
        "data_source_column": "ph",
        "mqtt_topic": "ph_reading/ph",
        "fixed_decimals": 1,
        "down_sample": False,
        "y_axis_domain": [0.0, 14.0],
    }


@pytest.mark.parametrize("in_package", [True, False])
def test_datasets_are_read(folder: Path, package: Install, in_package: bool) -> None:
    if in_package:
        package({"__init__.py": "", "exportable_datasets/ph.yaml": DATASET_YAML})
    else:
        write(folder, "exportable_datasets/ph.yaml", DATASET_YAML)
    [dataset] = descriptors(folder, "exportable_datasets", DatasetFile)
    assert (dataset.dataset_name, dataset.table, dataset.timestamp_columns) == (
        "ph_case_readings",
        "ph_case_readings",
        ["timestamp"],
    )


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "job_name: 3\n",
        "display_name: x\n",
        "- " * 5000,
        "\0",
        "job_name: x\ndisplay_name: y\ndisplay: [1]\n",
    ],
)
def test_a_descriptor_that_cannot_be_used_is_reported_once_and_hides_no_other(folder: Path, text: str) -> None:
    write(folder, "ui/jobs/broken.yaml", text)
    write(folder, "ui/jobs/fine.yaml", "job_name: fine_case\ndisplay_name: Fine\n")
    said: list[str] = []
    for _ in range(2):
        found = descriptors(folder, "ui/jobs", JobFile, report=said.append)
        assert [each.job_name for each in found] == ["fine_case"]
    assert len(said) == 1
    assert "broken.yaml" in said[0]
