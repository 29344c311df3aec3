"""Blanks on a simulated reactor."""

import json

import pytest

from pioreactor import topics
from pioreactor.background_jobs.od_reading.job import start_od_reading
from pioreactor.background_jobs.stirring.job import start_stirring
from pioreactor.exc import InvalidRequestError
from pioreactor.procedures import od_blank
from pioreactor.procedures.exclusive_run import ReactorInUseError
from pioreactor.runtime import context
from pioreactor.testing.simulation import Bench, simulated_bench


def measured(bench: Bench, n_samples: int = 12) -> dict[str, float]:
    with context.using(bench.unit.runtime):
        return {str(channel): level for channel, level in od_blank.measure_blank(n_samples).items()}


def test_readings_after_a_blank_are_about_zero_in_water() -> None:
    with simulated_bench(scenario="water") as bench:
        means = measured(bench)
        assert list(means) == ["2"]
        assert means["2"] > 0
        with context.using(bench.unit.runtime), start_od_reading(interval=None) as reader:
            assert reader.record().ods["2"].od == pytest.approx(0.0, abs=0.1 * means["2"])
        assert json.loads(bench.payloads("od_blank/means")[0]) == means
        assert bench.unit.runtime.stores.jobs().running() == []
        assert bench.unit.world.snapshot().outputs["stirring"] == 0.0
        kept = [
            t for t, p in bench.simulation.broker.retained.items() if "_testing_" in t and "/od_reading/od" in t and p
        ]
        assert kept == []


def test_stirring_that_runs_is_left_running() -> None:
    with simulated_bench(scenario="water") as bench:
        stirrer = bench.start(lambda: start_stirring(400))
        measured(bench)
        assert stirrer.state == "ready"
        assert stirrer.target_rpm == 400


def test_a_blank_needs_the_photodiodes_for_itself() -> None:
    with simulated_bench(scenario="water") as bench:
        bench.start(start_od_reading)
        with pytest.raises(ReactorInUseError, match="od_reading runs"):
            measured(bench)


def test_a_blank_is_forgotten_on_demand_and_too_few_samples_are_none() -> None:
    with simulated_bench(scenario="water") as bench, context.using(bench.unit.runtime):
        with pytest.raises(InvalidRequestError, match="6 or more"):
            od_blank.measure_blank(3)
        assert not od_blank.delete_blank()
        od_blank.measure_blank(6)
        assert not od_blank.delete_blank("another experiment")
        means = topics.setting(bench.unit.runtime.unit, bench.unit.runtime.identity.experiment(), "od_blank", "means")
        assert bench.simulation.broker.retained[means]
        assert od_blank.delete_blank()
        assert not bench.simulation.broker.retained.get(means), "the panel shows none any more"


def test_trimming_leaves_bubbles_out_and_drift_is_no_noise() -> None:
    calm = [0.1, 0.1, 0.1, 0.1, 0.1]
    assert od_blank.trimmed_mean([*calm, 9.0, -3.0]) == pytest.approx(0.1)
    drifting = [0.1 + 0.01 * k for k in range(20)]
    assert od_blank.trimmed_variance_around_line(drifting) == pytest.approx(0.0, abs=1e-12)
