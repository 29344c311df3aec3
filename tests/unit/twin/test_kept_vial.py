"""The vial of a simulated reactor outlives its process."""

import json
from pathlib import Path

import msgspec
import pytest

from pioreactor.twin.faults import Fault
from pioreactor.twin.kept_vial import VialFile
from pioreactor.twin.lab_bench import TwinLabBench
from pioreactor.twin.scenarios import find_scenario
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World

EMPTIES = Fault(kind="empty_media_bottle", start_s=1800.0)


class Reactor:
    """One process of a simulated reactor; its time is that of the machine, which begins anywhere."""

    def __init__(self, file: Path, *, seed: int = 1, boot_s: float = 0.0, model: str = "pioreactor_20ml") -> None:
        self.now_s = boot_s
        scenario = msgspec.structs.replace(find_scenario("ecoli_turbidostat"), faults=(EMPTIES,))
        self.world = World(scenario, wiring("1.2", model, "1.5"), seed=seed, now_s=lambda: self.now_s)
        self.bench = TwinLabBench(self.world)
        self.file = VialFile(file, self.world, self.bench)

    def run(self, hours: float) -> None:
        self.now_s += 3600 * hours
        self.world.advance()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vial.json"


def test_a_culture_continues_where_it_was(file: Path) -> None:
    first = Reactor(file)
    assert not first.file.restore()
    first.world.set_output("media", 50.0, hz=200)
    first.run(0.01)
    first.world.set_output("media", 0.0, hz=200)
    first.run(0.9)
    first.file.keep()
    before = first.world.snapshot()

    second = Reactor(file, boot_s=7.5)
    assert second.file.restore()
    after = second.world.snapshot()
    assert after.t_s == before.t_s
    assert after.faults == ["empty_media_bottle"]
    for name in ("od", "volume_ml", "first_substrate_g_l", "oxygen_mg_l", "media_added_ml", "liquid_celsius"):
        assert getattr(after, name) == pytest.approx(getattr(before, name)), name
    assert after.pump_wear == before.pump_wear

    first.run(1.0)
    second.run(1.0)
    assert second.world.snapshot().od == pytest.approx(first.world.snapshot().od, rel=0.02)


def test_outputs_are_off_after_a_restart(file: Path) -> None:
    first = Reactor(file)
    first.world.set_output("media", 100.0, hz=200)
    first.run(0.01)
    first.file.keep()
    second = Reactor(file)
    second.file.restore()
    volume_ml = second.world.snapshot().volume_ml
    second.run(0.01)
    assert second.world.snapshot().volume_ml == pytest.approx(volume_ml, abs=0.01)


def test_a_culture_that_was_put_aside_is_kept_and_not_the_standard(file: Path) -> None:
    first = Reactor(file)
    first.run(1.0)
    od = first.world.snapshot().od
    first.bench.place_standard(20.0)
    first.file.keep()
    second = Reactor(file)
    second.file.restore()
    assert second.world.snapshot().od == pytest.approx(od)
    assert second.bench.state().vial == "culture"


@pytest.mark.parametrize("other", [{"seed": 2}, {"model": "pioreactor_40ml"}])
def test_the_vial_of_another_reactor_is_not_taken(file: Path, other: dict[str, object]) -> None:
    Reactor(file).file.keep()
    assert not Reactor(file, **other).file.restore()  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", ["", "{", "[]", "volume", "culture", "genotypes"])
def test_a_damaged_file_is_said_and_a_new_vial_begins(
    file: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Reactor(file).file.keep()
    kept = json.loads(file.read_text())
    match damage:
        case "volume":
            kept["vessel"]["volume_ml"] = 1e9
        case "culture":
            kept["culture"]["first_g_l"] = -1
        case "genotypes":
            kept["culture"]["genotypes"] = "many"
    file.write_text(json.dumps(kept) if len(damage) > 2 else damage)
    reactor = Reactor(file)
    assert not reactor.file.restore()
    assert str(file) in capsys.readouterr().err
    reactor.run(0.1)
    assert reactor.world.snapshot().volume_ml > 10


def test_a_disk_that_cannot_be_written_ends_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.mkdir()
    reactor = Reactor(file)
    reactor.run(0.1)
    reactor.file.keep()
    assert "was not kept" in capsys.readouterr().err


def test_it_is_written_now_and_then(file: Path) -> None:
    reactor = Reactor(file)
    reactor.run(0.1)
    reactor.file.keep(every_s=10)
    file.unlink()
    reactor.now_s += 9
    reactor.world.advance()
    reactor.file.keep(every_s=10)
    assert not file.exists()
    reactor.now_s += 1
    reactor.world.advance()
    reactor.file.keep(every_s=10)
    assert file.exists()
