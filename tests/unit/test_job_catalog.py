"""The catalog of jobs: one entry per job, readable without importing any job."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import pioreactor.automations
import pioreactor.background_jobs
from pioreactor.job_catalog import JOBS, JobSpec, StopOrder, stop_order_of
from pioreactor.jobs.job import BackgroundJob
from pioreactor.settings.load import settings_of_text


def subclasses(cls: type) -> set[type]:
    found: set[type] = set(cls.__subclasses__())
    return found.union(*(subclasses(sub) for sub in found)) if found else found


@pytest.mark.parametrize("spec", JOBS.values(), ids=JOBS)
def test_an_entry_names_the_class_of_its_job(spec: JobSpec) -> None:
    job = spec.load()
    assert issubclass(job, BackgroundJob)
    assert job.job_name == spec.name
    assert job.spec() is spec
    assert job.is_long_running is spec.is_service
    assert job.description()


def test_every_job_of_ours_has_an_entry() -> None:
    for package in (pioreactor.background_jobs, pioreactor.automations):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    ours = {job.job_name for job in subclasses(BackgroundJob) if job.__module__.startswith("pioreactor.")}  # type: ignore[attr-defined]
    assert ours - {""} == set(JOBS)


def test_reading_the_catalog_imports_no_job_and_no_library() -> None:
    code = (
        "import sys, pioreactor.job_catalog\n"
        "heavy = ('numpy', 'msgspec', 'click', 'pioreactor.jobs', 'pioreactor.background_jobs')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("name", JOBS)
def test_a_job_imports_no_library_that_its_process_has_no_memory_for(name: str) -> None:
    """Each of these costs a process between 0.7 and 30 MB; od_reading and calibrations import numpy when they fit."""
    code = (
        "import sys, pioreactor.bootstrap.process\n"
        "from pioreactor.devices.board import load_board\n"
        "from pioreactor.job_catalog import JOBS\n"
        f"JOBS[{name!r}].load()\n"
        "load_board(None, hat_version='1.2', model_name='pioreactor_20ml', model_version='1.5')\n"
        "heavy = ('numpy', 'yaml', 'click', 'lark', 'sqlalchemy', 'alembic', 'litestar', 'asyncio', 'http.client')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stirring", StopOrder.ACTUATORS),
        ("temperature_automation", StopOrder.ACTUATORS),
        ("add_media", StopOrder.ACTUATORS),
        ("circulate_alt_media", StopOrder.ACTUATORS),
        ("air_pump_of_a_plugin", StopOrder.ACTUATORS),
        ("od_reading", StopOrder.DECISIONS),
        ("dosing_automation", StopOrder.DECISIONS),
        ("led_automation", StopOrder.LIGHTS),
        ("led_intensity", StopOrder.LIGHTS),
    ],
)
def test_outputs_stop_first_and_lights_last(name: str, expected: StopOrder) -> None:
    assert stop_order_of(name) == expected


def test_the_configuration_has_a_resume_policy_for_each_job_that_can_be_resumed() -> None:
    policies = settings_of_text("[resume]\nstirring=ask\n").resume
    for name, spec in JOBS.items():
        if spec.is_service:
            assert not hasattr(policies, name)
        else:
            assert getattr(policies, name) == ("ask" if name == "stirring" else spec.resume_policy)
    assert policies.other_jobs == "resume"
