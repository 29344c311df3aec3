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
