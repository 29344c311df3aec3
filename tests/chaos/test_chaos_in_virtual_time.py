"""A few random sequences of faults on a simulated cluster, always the same ones; `make chaos` runs a thousand."""

import pytest
from bench.chaos.faults import WEIGHTS, Fault, draw
from bench.chaos.sequence import Sequence

SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_doubled_left_on_or_told_wrongly(seed: int) -> None:
    counts = Sequence(seed, hours=0.25, how_many=8).run()
    assert counts.broken == []
    assert counts.rows > 100
    assert (counts.lost, counts.duplicated, counts.lying_states) == (0, 0, 0)


@pytest.mark.parametrize(
    "kind",
    [
        "kill_while_dosing",
        "kill_output_guard_and_jobs",
        "cut_power",
        "bad_link",
        "fill_disk",
        "put_back_database",
        "put_back_journal",
    ],
)
def test_one_kind_of_trouble_again_and_again(kind: str) -> None:
    sequence = Sequence(3, hours=0.2, how_many=0)
    sequence.faults = [Fault(60.0 + 75.0 * n, kind, "unit2", 10.0, n) for n in range(8)]
    counts = sequence.run()
    assert counts.faults == {kind: 8}
    assert counts.broken == []
    assert counts.lost == counts.duplicated == 0


def test_a_seed_replays_exactly() -> None:
    first, second = (Sequence(5, hours=0.1, how_many=5).run() for _ in range(2))
    assert first == second
    assert first.digest


def test_all_kinds_are_drawn() -> None:
    drawn = {fault.kind for seed in range(20) for fault in draw(seed, hours=1.0, how_many=12)}
    assert drawn == set(WEIGHTS)


def test_a_sequence_notices_what_it_is_for() -> None:
    """The counts are worth something only if a row that is missing, or is there twice, is counted."""
    sequence = Sequence(1, hours=0.05, how_many=0)
    count_rows = sequence._count_rows

    def spoil() -> None:
        rows = sequence.cluster.sink.rows["logs"]
        rows[0] = rows[1]
        count_rows()

    sequence._count_rows = spoil  # type: ignore[method-assign]
    counts = sequence.run()
    assert (counts.lost, counts.duplicated) == (1, 1)
    assert len(counts.broken) == 2
