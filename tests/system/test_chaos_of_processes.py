"""Real processes are killed and frozen one after another; nothing is lost, doubled, left on, or told wrongly."""

import pytest
from bench.chaos_real import real_chaos
from bench.trust import frozen_dose, reaction_times

FAULTS = (
    *("kill writer", "kill pump and output_guard", "broker forgets", "kill monitor", "freeze writer"),
    *("kill reactor", "freeze output_guard"),
)


@pytest.mark.system
def test_killed_and_frozen_processes_cost_no_row() -> None:
    with real_chaos(seed=1, freeze_s=2.0) as chaos:
        for kind in FAULTS:
            chaos.fault(kind)
        counted = chaos.finish()
    assert counted.rows > 100
    assert (counted.lost, counted.duplicated) == (0, 0)
    assert counted.lying_states == []
    assert counted.longest_unwatched_orphan_s < 10.0, "a frozen output guard is replaced; how soon is measured in bench"
    assert set(counted.recoveries) == set(FAULTS)


@pytest.mark.system
def test_output_guard_switches_off_outputs_of_killed_jobs() -> None:
    watched, unwatched = reaction_times(10)
    assert (len(watched), len(unwatched)) == (9, 1)


@pytest.mark.system
def test_a_pump_whose_process_is_frozen_stops_and_the_books_know() -> None:
    turned_s, in_books_s = frozen_dose(2.0, frozen_s=8.0)
    assert 1.9 < turned_s < 6.0, "how soon is measured in bench"
    assert in_books_s == pytest.approx(turned_s, abs=0.5)
