"""Profiles are compared with what the models of the units allow."""

from collections.abc import Iterator

import pytest

from pioreactor.automations import registry
from pioreactor.experiment_profiles.validate import verify
from pioreactor.job_catalog import JOBS
from pioreactor.jobs.settings import settings_of
from pioreactor.models import BUILTIN_MODELS, DEFAULT_MODEL, find_model

HEAD = 'version: "1.0"\nexperiment_profile_name: trial\n'
UNITS = {
    "worker1": find_model(BUILTIN_MODELS, "pioreactor_20ml", "1.0"),
    "worker2": find_model(BUILTIN_MODELS, *DEFAULT_MODEL),
}


def bounded_by_model() -> Iterator[tuple[str, str, str]]:
    """Give every setting that the model of a unit bounds, with its job and automation."""
    for job in (name for name in JOBS if name.endswith("_automation")):
        kind = job.removesuffix("_automation")
        found = [registry.find(kind, automation) for automation in registry.names(kind)]
        # Without those that other tests of this process have declared.
        for automation in (one for one in found if one.__module__.startswith("pioreactor.")):
            for name, setting in settings_of(automation).items():
                if setting.le_by_model is not None:
                    yield job, automation.automation_name, name


@pytest.mark.parametrize(("job", "automation", "name"), [*bounded_by_model()])
@pytest.mark.parametrize("action", ["start", "update"])
def test_what_the_model_of_a_unit_does_not_allow_is_an_error(job: str, automation: str, name: str, action: str) -> None:
    setting = settings_of(registry.find(job.removesuffix("_automation"), automation))[name]
    most = {unit: setting.for_model(model).le for unit, model in UNITS.items()}
    assert most["worker1"] is not None and most["worker2"] is not None
    between = (most["worker1"] + most["worker2"]) / 2

    def messages(block: str, value: float) -> list[str]:
        options = f"{{{'automation_name: ' + automation + ', ' if action == 'start' else ''}{name}: {value}}}"
        started = f"{{type: start, t: 0, options: {{automation_name: {automation}}}}}, " if action == "update" else ""
        body = f"jobs: {{{job}: {{actions: [{started}{{type: {action}, t: 1, options: {options}}}]}}}}"
        text = f"{HEAD}{block.format(body)}\n"
        return [one.message for one in verify(text, units=UNITS).diagnostics if one.code == "option.value"]

    [message] = messages("common: {{{}}}", between)
    assert "worker1" in message
    assert f"at most {most['worker1']:g}" in message
    assert messages("common: {{{}}}", most["worker1"]) == []
    assert messages("pioreactors: {{worker2: {{{}}}}}", between) == []
