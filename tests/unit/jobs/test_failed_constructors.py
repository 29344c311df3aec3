"""Failed constructors: everything is cleaned up and one error is logged."""

import pytest

from pioreactor.exc import HardwareNotFoundError
from pioreactor.jobs.job import BackgroundJob
from pioreactor.testing.simulation import EXPERIMENT, simulated_bench


class Fragile(BackgroundJob):
    """Puts away in its hook what its constructor did not get to make."""

    job_name = "fragile"

    def __init__(self, error: Exception) -> None:
        super().__init__("unit1", EXPERIMENT)
        raise error
        self.part = object()

    def on_disconnected(self) -> None:
        self.part.put_away()  # type: ignore[has-type]


@pytest.mark.parametrize(
    ("error", "with_traceback"), [(HardwareNotFoundError("no chip responds at 0x48"), False), (KeyError("oops"), True)]
)
def test_one_error_is_logged_and_the_name_is_released(error: Exception, with_traceback: bool) -> None:
    with simulated_bench() as bench:
        for _ in range(2):
            with pytest.raises(type(error)):
                bench.start(lambda: Fragile(error))
        bench.wait(1.0)
        errors = bench.logged("error")

    assert len(errors) == 2
    assert all(("Traceback" in line) is with_traceback for line in errors)
