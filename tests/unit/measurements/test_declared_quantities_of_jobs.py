"""Measurements on the classes of jobs refer to declared quantities, by topic and by name."""

from pathlib import Path

import pytest

from pioreactor import measurements
from pioreactor.jobs.measurement import Measurement
from pioreactor.web.catalog import DeclaredCatalog

REFERRED = [
    (job.job_name, name, attribute.quantity)
    for job in DeclaredCatalog(Path()).jobs()
    for name, attribute in job.published.items()
    if isinstance(attribute, Measurement) and attribute.quantity is not None
]


@pytest.mark.parametrize(("job", "name", "quantity"), REFERRED)
def test_the_quantity_of_a_measurement_is_declared_with_its_topic(job: str, name: str, quantity: str) -> None:
    [spec] = (spec for spec in measurements.BUILT_IN if spec.name == quantity)
    assert f"{job}/{name}" in spec.topics


def test_jobs_refer_to_the_quantities_that_they_publish() -> None:
    assert len({quantity for _, _, quantity in REFERRED}) >= 6
