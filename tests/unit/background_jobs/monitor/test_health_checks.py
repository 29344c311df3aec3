"""Health checks: faults are logged once with a remedy, blinked, and logged again on recovery."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.unit.background_jobs.monitor.conftest import Watched

from pioreactor import structs, topics
from pioreactor.background_jobs.leader.mqtt_to_db_streaming import MqttToDBStreamer
from pioreactor.background_jobs.monitor.machine_checks import BACKUP_CACHE
from pioreactor.exc import HardwareError
from pioreactor.storage.memory import MemoryRecordSink

LONG_FLASH_S = 2.0


def test_a_healthy_unit_logs_nothing(watched: Watched) -> None:
    watched.bench.start(lambda: MqttToDBStreamer("unit1", sink=MemoryRecordSink()))
    watched.start()
    watched.bench.wait(1200)
    assert watched.bench.logged("warning") + watched.bench.logged("error") == []
    assert watched.published("versions")[-1]["hat"] == "1.2"
    assert watched.published("computer_statistics")[-1]["available_disk_space"] == 100.0
    assert watched.published("voltage_on_pwm_rail")[-1]["voltage"] == 12.0


def test_a_full_disk_is_logged_once_and_again_on_recovery(watched: Watched) -> None:
    watched.start()
    watched.bench.wait(100)
    watched.computer.free_gb = 2.4
    watched.bench.wait(60)
    watched.bench.wait(600)
    assert len(watched.said("Only 2.4 GB of disk are free", "warning")) == 1
    assert watched.published("computer_statistics")[-1]["available_disk_space"] == 2.4
    watched.computer.free_gb = 20.0
    watched.bench.wait(60)
    assert watched.said("The disk is working again.", "info")


def test_a_lasting_fault_is_logged_again_as_configured(set_up: Callable[..., Watched]) -> None:
    watched = set_up(config="[monitor.config]\nself_check_interval_hours=0.5\n")
    watched.computer.free_gb = 1.0
    watched.start()
    watched.bench.wait(0.9 * 3600)
    assert len(watched.said("disk are free")) == 2


def test_a_fault_is_not_logged_again_if_configured(set_up: Callable[..., Watched]) -> None:
    watched = set_up(config="[monitor.config]\nself_check_interval_hours=0\n")
    watched.computer.free_gb = 1.0
    watched.start()
    watched.bench.wait(2 * 3600)
    assert len(watched.said("disk are free")) == 1


@pytest.mark.parametrize(
    ("arrange", "words", "code"),
    [
        (lambda w: setattr(w.computer, "free_gb", 1.0), "disk are free", 3),
        (lambda w: setattr(w.computer, "cpu_celsius", 85.0), "processor is at 85", 6),
        (lambda w: setattr(w.computer, "on_network", False), "no network", 1),
        (lambda w: setattr(w.computer, "web_trouble", "refused"), "web server does not answer (refused)", 8),
        (lambda w: setattr(w.rig, "aux", 19.0), "19.0 V", 7),
    ],
)
def test_each_fault_blinks_its_code(
    watched: Watched, arrange: Callable[[Watched], object], words: str, code: int
) -> None:
    arrange(watched)
    watched.start()
    watched.bench.wait(95)
    assert watched.said(words)
    since = watched.light[:]
    first_dark = next(n for n, (_, what) in enumerate(since) if what == "off")
    assert since[first_dark][0] - since[0][0] == pytest.approx(LONG_FLASH_S)
    one_pattern = [
        at for at, what in since if what == "on" and at < since[0][0] + LONG_FLASH_S + 0.25 + code * 0.5 + 4.9
    ]
    assert len(one_pattern) == 1 + code


def test_a_low_rail_is_a_fault_only_if_the_kernel_agrees(watched: Watched) -> None:
    watched.rig.aux = 4.7
    watched.start()
    watched.bench.wait(100)
    assert not watched.said("too weak")
    watched.computer.undervolted = True
    watched.bench.wait(100)
    assert watched.said("too weak: 4.70 V", "warning")


def test_a_starting_web_server_is_not_a_fault(watched: Watched) -> None:
    watched.computer.web_trouble = "refused"
    watched.start()
    watched.bench.wait(45)
    watched.computer.web_trouble = None
    watched.bench.wait(200)
    assert not watched.said("web server")
    assert watched.computer.asked_web[0] == ("localhost", 80)


def test_a_stopped_database_writer_is_an_error_and_its_recovery_logged(watched: Watched) -> None:
    watched.start()
    watched.bench.wait(70)
    assert watched.said("Start it: pio run mqtt_to_db_streaming", "error")
    watched.bench.start(lambda: MqttToDBStreamer("unit1", sink=MemoryRecordSink()))
    watched.bench.wait(40)
    assert watched.said("The database writer is working again.")


def test_data_owned_by_another_user_is_logged(watched: Watched) -> None:
    watched.computer.closed = {"storage"}
    watched.start()
    watched.bench.wait(5)
    assert watched.said("storage belongs to another user", "error")


@pytest.mark.parametrize(("days", "warned"), [(29, False), (31, True)])
def test_an_old_backup_is_logged(watched: Watched, days: int, warned: bool) -> None:
    runtime = watched.bench.unit.runtime
    at = structs.to_timestamp(runtime.clock.now() - timedelta(days=days))
    runtime.stores.persistent(BACKUP_CACHE).set("latest_backup_timestamp", at)
    watched.start()
    watched.bench.wait(5)
    assert bool(watched.said(f"last backed up {days} days ago", "warning")) is warned


def test_a_missing_backup_is_logged_after_a_month(watched: Watched) -> None:
    runtime = watched.bench.unit.runtime
    runtime.stores.persistent(BACKUP_CACHE).set(
        "watched_since", structs.to_timestamp(runtime.clock.now() - timedelta(days=40))
    )
    watched.start()
    watched.bench.wait(5)
    assert watched.said("never backed up", "warning")


def test_a_missing_hat_is_logged(watched: Watched) -> None:
    watched.rig.hat_is_present = False
    watched.start()
    watched.bench.wait(5)
    assert watched.said("The HAT does not respond", "warning")


def test_heat_beyond_the_limit_is_critical_and_powers_off_once(watched: Watched) -> None:
    watched.start()
    watched.bench.wait(100)
    assert watched.computer.times_powered_off == 0
    watched.rig.thermometer().will_read(86.0)
    watched.bench.wait(25)
    assert watched.said("The heating board is at 86.0 °C", "critical")
    watched.bench.wait(600)
    assert watched.computer.times_powered_off == 1


def test_one_implausible_reading_does_not_power_off(watched: Watched) -> None:
    watched.start()
    watched.bench.wait(100)
    watched.rig.thermometer().will_read([127.9, 30.0])
    watched.bench.wait(100)
    assert watched.computer.times_powered_off == 0
    assert not watched.said("heating board")


def test_a_hot_unheated_board_powers_off_but_not_while_it_cools(watched: Watched) -> None:
    watched.start()
    watched.rig.thermometer().will_read(70.0)
    watched.bench.wait(120)
    watched.rig.thermometer().will_read(50.0)
    watched.bench.wait(120)
    assert not watched.said("heating board")
    watched.rig.thermometer().will_read(70.0)
    watched.bench.wait(220)
    assert watched.said("stays at 70.0 °C while nothing heats it", "critical")
    assert watched.computer.times_powered_off == 1


def test_a_failing_thermometer_does_not_stop_other_checks(watched: Watched) -> None:
    def broken() -> float:
        raise HardwareError("bus")

    watched.rig.thermometer().will_read(broken)
    watched.computer.free_gb = 1.0
    watched.start()
    watched.bench.wait(60)
    assert watched.said("disk are free")


def test_a_lost_worker_and_its_return_are_logged_once(set_up: Callable[..., Watched]) -> None:
    watched = set_up(units=("unit1", "unit2"))
    watched.start()
    watched.bench.wait(5)
    state = topics.state("unit2", "$experiment", "monitor")
    for payload in ("ready", "lost", "lost"):
        watched.bench.bus.publish(state, payload)
        watched.bench.wait(2)
    watched.bench.bus.publish(state, "init")
    watched.bench.wait(1)
    assert len(watched.said("unit2 is lost", "warning")) == 1
    assert len(watched.said("unit2 is back after 4 s", "info")) == 1


def test_a_reconnected_worker_is_not_reported_lost(set_up: Callable[..., Watched]) -> None:
    watched = set_up(units=("unit1", "unit2"))
    watched.start()
    watched.bench.wait(5)
    for payload in ("ready", "lost", "ready"):
        watched.bench.bus.publish(topics.state("unit2", "$experiment", "monitor"), payload)
        watched.bench.wait(1)
    watched.bench.wait(10)
    assert watched.said("unit2 is lost", "warning") == []
    assert watched.said("unit2 is back", "info") == []


def test_output_guard_events_are_logged_in_order_and_once(watched: Watched) -> None:
    from pioreactor.output_guard.output_guard import OUTPUT_GUARD_EVENTS

    cache = watched.bench.unit.runtime.stores.volatile(OUTPUT_GUARD_EVENTS)
    for number in range(1, 12):
        cache.set(number, f"deed {number}")
    watched.start()
    watched.bench.wait(60)
    assert watched.said("deed") == [f"deed {number}" for number in range(1, 12)]
