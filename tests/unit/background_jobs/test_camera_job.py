"""The job `camera` and the snapshot, in virtual time beside OD reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pioreactor import topics
from pioreactor.actions import still_capture as taking
from pioreactor.background_jobs.camera_job import CameraJob
from pioreactor.background_jobs.od_reading.job import start_od_reading
from pioreactor.bootstrap.simulated import SimulatedUnit, Simulation, build_simulation
from pioreactor.devices.cameras.ports import LensRange
from pioreactor.exc import ConfigurationError, ConflictError, HardwareError, InvalidRequestError
from pioreactor.jobs.dodging import OD_READING_DURATION_S, SCHEDULE_CACHE
from pioreactor.procedures import live_view
from pioreactor.procedures.exclusive_run import is_running
from pioreactor.procedures.manual_still import take_snapshot
from pioreactor.runtime import context
from pioreactor.storage.stills import AUTO_CAPTURE, SETTINGS_CACHE
from pioreactor.structs.camera_still import CameraStill

CONFIG = "[camera]\nenabled=1\n"
JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"


class TimedCamera:
    """Takes as long as a camera does, and notes the light and the moment."""

    program = "timed"

    def __init__(self, unit: SimulatedUnit, *, takes_s: float = 2.0) -> None:
        self.unit = unit
        self.takes_s = takes_s
        self.fails = False
        self.light: list[float] = []
        self.since_reading_s: list[float | None] = []

    def is_detected(self) -> bool | None:
        return True

    def capture(self) -> bytes:
        schedule = taking._schedule(self.unit.runtime)
        now_s = self.unit.clock.monotonic()
        self.light.append(self.unit.world.optics.leds["A"])
        self.since_reading_s.append(None if schedule is None else schedule.interval_s - schedule.seconds_to_next(now_s))
        self.unit.clock.sleep(self.takes_s)
        if self.fails:
            raise HardwareError("rpicam-still failed with status 255")
        return JPEG + bytes([len(self.light) % 256]) + b"\xff\xd9"

    def lens(self) -> LensRange | None:
        return None

    def with_lens(self, position: float) -> TimedCamera:
        return self

    def with_options(self, file: Path) -> TimedCamera:
        return self


class Scene:
    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.unit = simulation.unit("unit1")
        self.camera = TimedCamera(self.unit)

    def run(self, job: Any, name: str) -> Any:
        from dataclasses import replace

        return self.unit.run(job, name=name, alter=lambda runtime: replace(runtime, open_camera=lambda: self.camera))

    def read_od(self) -> Any:
        def read() -> None:
            with start_od_reading() as reader:
                reader.block_until_disconnected()

        return self.run(read, "od_reading")

    def take_by_schedule(self) -> Any:
        def take() -> None:
            with CameraJob.from_options() as job:
                job.block_until_disconnected()

        return self.run(take, "camera")

    def sleep(self, duration_s: float) -> None:
        self.simulation.clock.sleep(duration_s)

    def stills(self) -> list[CameraStill]:
        return taking.stills_of(self.unit.runtime).all()

    def ir_now(self) -> float:
        return self.unit.world.optics.leds["A"]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    simulation = build_simulation(data_root=tmp_path, config=CONFIG)
    scene = Scene(simulation)
    yield scene
    for process in scene.unit.processes:
        process.kill()


def test_stills_are_taken_by_schedule_and_announced(scene: Scene) -> None:
    scene.take_by_schedule()
    scene.sleep(600)
    stills = scene.stills()
    assert len(stills) == 10
    assert {still.capture_reason for still in stills} == {"scheduled"}
    assert scene.camera.light == pytest.approx([0.25] * 10, abs=0.005)
    assert scene.ir_now() == 0.0
    retained = scene.simulation.broker.retained[topics.setting("unit1", "simulation", "camera", "latest_still")]
    assert stills[-1].image_id.encode() in retained


def test_stills_and_od_readings_do_not_disturb_each_other(scene: Scene, tmp_path: Path) -> None:
    def levels_of(one: Scene) -> list[float]:
        found: list[float] = []
        bus = one.unit.runtime.buses.connect("watcher")
        bus.subscribe(
            topics.setting("unit1", "simulation", "od_reading", "od2"),
            lambda message: found.append(float(message.payload.split(b'"od":')[1].split(b",")[0])),
        )
        one.read_od()
        return found

    quiet = Scene(build_simulation(data_root=tmp_path / "quiet", config=CONFIG))
    with_stills, without = levels_of(scene), levels_of(quiet)
    scene.sleep(7)
    scene.take_by_schedule()
    scene.sleep(300)
    quiet.sleep(307)
    assert len(scene.camera.light) == 5
    assert all(since is not None and OD_READING_DURATION_S <= since <= 2.6 for since in scene.camera.since_reading_s)
    assert scene.camera.light == pytest.approx([0.25] * 5, abs=0.005)
    assert len(with_stills) == len(without) > 55
    assert with_stills == pytest.approx(without, rel=0.02)


def test_a_picture_that_takes_too_long_leaves_the_light_to_the_reading(scene: Scene) -> None:
    scene.camera.takes_s = 4.4
    scene.read_od()
    scene.sleep(7)
    scene.take_by_schedule()
    scene.sleep(30)
    assert scene.camera.light == pytest.approx([0.25], abs=0.005)
    schedule = taking._schedule(scene.unit.runtime)
    assert schedule is not None
    scene.sleep(schedule.seconds_to_next(scene.unit.clock.monotonic()) + 2.0)
    assert scene.ir_now() == 0.0


def test_od_too_often_for_a_gap_gives_a_picture_without_the_led(scene: Scene) -> None:
    def read() -> None:
        with start_od_reading(interval=1.2) as reader:
            reader.block_until_disconnected()

    scene.run(read, "od_reading")
    scene.sleep(7)
    scene.take_by_schedule()
    scene.sleep(30)
    assert len(scene.camera.light) == 1
    assert len(scene.stills()) == 1


def test_after_a_kill_the_light_goes_out(scene: Scene) -> None:
    process = scene.take_by_schedule()
    scene.sleep(1.0)
    assert scene.ir_now() == pytest.approx(0.25, abs=0.005)
    process.kill()
    assert "led-A" in scene.unit.ownership.abandoned()  # what the output guard switches off


def test_a_camera_that_fails_is_reported_once_and_tried_again(scene: Scene) -> None:
    messages: list[bytes] = []
    bus = scene.unit.runtime.buses.connect("watcher")
    bus.subscribe(topics.log("unit1", "simulation", "app", "warning"), lambda message: messages.append(message.payload))
    scene.camera.fails = True
    scene.take_by_schedule()
    scene.sleep(200)
    assert len(messages) == 1
    assert b"rpicam-still failed" in messages[0]
    assert scene.ir_now() == 0.0
    scene.camera.fails = False
    scene.sleep(100)
    assert len(scene.stills()) >= 1


def test_a_pause_and_the_switch_stop_stills(scene: Scene) -> None:
    scene.unit.runtime.stores.persistent(SETTINGS_CACHE).set(AUTO_CAPTURE, 0)
    scene.take_by_schedule()
    scene.sleep(200)
    assert scene.stills() == []
    scene.unit.runtime.stores.persistent(SETTINGS_CACHE).set(AUTO_CAPTURE, 1)
    scene.sleep(60)
    assert len(scene.stills()) >= 1
    bus = scene.unit.runtime.buses.connect("person")
    bus.publish(topics.set_setting("unit1", "simulation", "camera", "state"), b"sleeping")
    scene.sleep(5)
    before = len(scene.stills())
    scene.sleep(300)
    assert len(scene.stills()) == before


def test_a_changed_interval_counts_from_the_newest_still(scene: Scene) -> None:
    scene.take_by_schedule()
    scene.sleep(10)
    topic = topics.set_setting("unit1", "simulation", "camera", "snapshot_interval_minutes")
    scene.unit.runtime.buses.connect("person").publish(topic, b"10")
    scene.sleep(590)
    assert len(scene.stills()) == 1
    scene.sleep(20)
    assert len(scene.stills()) == 2


def test_without_a_camera_the_job_does_not_start(tmp_path: Path) -> None:
    unit = build_simulation(data_root=tmp_path).unit("unit1")
    with context.using(unit.runtime), pytest.raises(ConfigurationError, match="not enabled"):
        CameraJob.from_options()


def test_a_snapshot_is_manual_and_its_name_is_taken_once(scene: Scene) -> None:
    from dataclasses import replace

    runtime = replace(scene.unit.runtime, open_camera=lambda: scene.camera)
    with context.using(runtime):
        still, file = take_snapshot(runtime, name="first")
        assert still.capture_reason == "manual"
        assert file.read_bytes().startswith(b"\xff\xd8")
        with pytest.raises(ConflictError, match="already"):
            take_snapshot(runtime, name="first")
        assert len(scene.camera.light) == 1
        for name in ("../up", "x.jpg"):
            with pytest.raises(InvalidRequestError):
                take_snapshot(runtime, name=name)
        with pytest.raises(InvalidRequestError, match="no file"):
            take_snapshot(runtime, options_file="../../secret")
    assert scene.unit.runtime.stores.volatile(SCHEDULE_CACHE).get("schedule") is None


# ---- live view ---------------------------------------------------------------------------------------------


def _live(scene: Scene) -> Any:
    live_view.switch_on(scene.unit.runtime)
    return scene.run(lambda: live_view.show(context.current()), "camera_live_view")


def test_a_live_view_continues_while_somebody_looks_and_ends_by_itself(scene: Scene) -> None:
    _live(scene)
    for _ in range(4):
        scene.sleep(10.0)
        is_on, newest = live_view.look(scene.unit.runtime)
        assert is_on
    picture = live_view.live_picture(scene.unit.runtime.paths)
    assert newest.number == pytest.approx(40.0 / (scene.camera.takes_s + live_view.INTERVAL_S + 0.2), abs=2)
    assert picture.read_bytes().startswith(JPEG)
    scene.sleep(live_view.LEASE_S + 5.0)
    assert not is_running(scene.unit.runtime, live_view.LIVE_VIEW)
    assert (picture.exists(), live_view.look(scene.unit.runtime)[0]) == (False, False)
    assert set(scene.unit.world.snapshot().leds.values()) <= {0.0}
    assert taking.stills_of(scene.unit.runtime).all() == []


def test_a_live_view_ends_after_minutes_even_when_its_page_is_left_open(scene: Scene) -> None:
    _live(scene)
    for _ in range(int(live_view.LONGEST_S / 10.0) + 1):
        scene.sleep(10.0)
        live_view.look(scene.unit.runtime)
    assert not is_running(scene.unit.runtime, live_view.LIVE_VIEW)


def test_a_live_view_says_why_it_ended(scene: Scene) -> None:
    scene.camera.fails = True
    live_view.switch_on(scene.unit.runtime)

    def show() -> None:
        with suppress(HardwareError):
            live_view.show(context.current())

    scene.run(show, "camera_live_view")
    scene.sleep(10.0)
    is_on, newest = live_view.look(scene.unit.runtime)
    assert (is_on, newest.problem) == (False, "rpicam-still failed with status 255")
