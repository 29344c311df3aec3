"""Descriptors of the jobs and automations that come with the package."""

import pytest

from pioreactor.automations import registry
from pioreactor.web.catalogue import DeclaredCatalogue
from pioreactor.web.descriptors import describe_automation, describe_capabilities, describe_job


def test_every_job_of_ours_is_described() -> None:
    jobs = {job.job_name: describe_job(job) for job in DeclaredCatalogue().jobs()}

    assert {"stirring", "od_reading", "growth_rate_calculating"} <= set(jobs)
    stirring = {setting.key: setting for setting in jobs["stirring"].published_settings}
    assert (stirring["target_rpm"].unit, stirring["target_rpm"].editable) == ("RPM", True)
    assert not stirring["measured_rpm"].editable
    assert jobs["stirring"].description
    assert not jobs["monitor"].display


@pytest.mark.parametrize("kind", ["dosing", "led", "temperature"])
def test_every_automation_of_ours_is_described(kind: str) -> None:
    found = {automation.automation_name: automation for automation in DeclaredCatalogue().automations(kind)}  # type: ignore[arg-type]

    assert set(found) == set(registry.names(kind))
    for automation in found.values():
        described = describe_automation(automation)
        assert described.description
        assert len({field.key for field in described.fields}) == len(described.fields)


def test_capabilities_name_what_can_be_typed() -> None:
    found = {
        (capability.job_name, capability.automation_name): capability
        for capability in describe_capabilities(DeclaredCatalogue())
    }
    turbidostat = found["dosing_automation", "turbidostat"]
    assert turbidostat.cli_example == "pio run dosing_automation --automation-name turbidostat"
    assert all(option.long_flag == option.name.replace("_", "-") for option in turbidostat.options)
