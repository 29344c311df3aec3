"""Monitor of a unit, from boot: health checks, statistics, and forwarding of the journal to the leader."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from pioreactor import structs, topics
from pioreactor.actions import bioreactor, pump_run_log
from pioreactor.actions.led_intensity import publish_leds
from pioreactor.background_jobs.monitor.blinking import MAX_CODE, OKAY, Blinker, pattern_of_code
from pioreactor.background_jobs.monitor.forwarding import JournalForwarder
from pioreactor.background_jobs.monitor.health_checks import HealthMonitor
from pioreactor.background_jobs.monitor.job_restarter import JobRestarter
from pioreactor.background_jobs.monitor.journal_status import JournalStatus
from pioreactor.background_jobs.monitor.leader_watch import LeaderWatcher
from pioreactor.background_jobs.monitor.machine_checks import MachineChecks
from pioreactor.background_jobs.monitor.stale_state_cleaner import StaleStateCleaner
from pioreactor.devices.ports import Button, Rig
from pioreactor.exc import PioreactorError
from pioreactor.jobs import restart_policy
from pioreactor.jobs.job import LongRunningBackgroundJob
from pioreactor.jobs.measurement import Measurement
from pioreactor.jobs.published_attribute import Status
from pioreactor.jobs.settings import Setting
from pioreactor.messaging.ports import Message
from pioreactor.states import JobState
from pioreactor.storage.leader.alarms.leader_watch_file import read_leader_watch
from pioreactor.types import UNIVERSAL_EXPERIMENT, UNIVERSAL_IDENTIFIER
from pioreactor.version import __version__

if TYPE_CHECKING:
    from pioreactor.background_jobs.monitor.reactor_checks import ReactorChecks

STATISTICS_EVERY_S = 60.0
CHECK_EVERY_S = 30.0
SLOW_CHECK_EVERY_S = 900.0
HEAT_EVERY_S = 10.0
BUTTON_EVERY_S = 0.1
OUTPUT_GUARD_EVERY_S = 2.0
RESTART_CHECK_EVERY_S = 5.0
LEADER_CHECK_EVERY_S = 5.0
DEFERRED_START_S = 0.5
"""Delay of what needs the leader or the reactor, until the job is ready."""
RETRY_AFTER_S = 60.0
LOST_AFTER_S = 3.0
"""Grace period: on a reconnection the broker publishes the last will of the old connection; the unit corrects it."""
WRITER = "mqtt_to_db_streaming"


class Monitor(LongRunningBackgroundJob):
    """Check this unit and forward its journal to the leader; runs from boot. Its experiment is `$experiment`."""

    job_name = "monitor"

    versions = Setting[dict[str, object]](display=False, cli=False)
    computer_statistics = Measurement[dict[str, object]](display=False)
    voltage_on_pwm_rail = Measurement[structs.Voltage](display=False)
    button_down = Status(False, display=False)
    ipv4 = Status[str](display=False)
    wlan_mac_address = Status[str | None](display=False)
    eth_mac_address = Status[str | None](display=False)
    safe_up_to = Status[dict[str, object]](display=False)

    MAX_TEMP_TO_SHUTDOWN: ClassVar[float] = 85.0
    """A name that plugins assign [°C]; the limit in force is that of the reactor's model."""
    _pre_button: ClassVar[list[Callable[[], None]]] = []
    _post_button: ClassVar[list[Callable[[], None]]] = []

    def __init__(self, unit: str, experiment: str = UNIVERSAL_EXPERIMENT) -> None:
        super().__init__(unit, experiment)
        clock = self.runtime.clock
        self._computer = self.runtime.computer
        journal = self.runtime.stores.journal()
        limits = self.runtime.settings.journal
        self._forwarder = JournalForwarder(
            journal,
            clock,
            self._send_batch,
            unit=unit,
            max_bytes=int(limits.max_mb * 1e6),
            bytes_per_s=1e3 * limits.backlog_kb_per_s,
        )
        self._journal_status = JournalStatus(journal, clock, publish=self._publish_journal_status, log=self._log)
        self._machine_checks = MachineChecks(self.runtime, self.pub_client.is_connected)
        self._health = HealthMonitor(
            clock,
            log_fault=self._log,
            blink=self._blink_code,
            diagnose=self.report_diagnosis,
            remind_after_s=3600.0 * self.runtime.settings.monitor.self_check_interval_hours,
        )
        self._job_restarter = JobRestarter(self.runtime, self._log)
        self._stale_states = StaleStateCleaner(self.runtime.stores.jobs(), self.publish, unit=unit)
        self._reactor_checks: ReactorChecks | None = None
        self._blinker: Blinker | None = None
        self._button: Button | None = None
        self._lost_units: set[str] = set()
        self._suspected_lost: dict[str, float] = {}
        """Units whose monitor has left, with the monotonic moment [s] at which it did."""
        self._has_powered_off = False
        self._watch_leader()
        self.start_passive_listeners()
        self.every(self.runtime.settings.journal.forward_every_s, self._forward, first_after_s=0.0)
        self.every(self.runtime.settings.journal.forward_every_s, self._stale_states.check, first_after_s=0.0)
        self.every(OUTPUT_GUARD_EVERY_S, self._log_output_guard_events, first_after_s=DEFERRED_START_S)
        self.every(RESTART_CHECK_EVERY_S, self._job_restarter.check)
        self.later(DEFERRED_START_S, self._open_reactor)
        self.later(DEFERRED_START_S, self._account_interrupted_runs)
        self.later(DEFERRED_START_S, self._publish_outputs)
        self.every(CHECK_EVERY_S, self.self_check, first_after_s=DEFERRED_START_S)
        # The first call keeps the time at which the unit last ran before, for `pio resume`.
        self.every(CHECK_EVERY_S, lambda: restart_policy.record_alive(self.runtime), first_after_s=0.0)
        self.every(SLOW_CHECK_EVERY_S, self._check_slowly, first_after_s=DEFERRED_START_S)
        self.every(STATISTICS_EVERY_S, self._publish_statistics, first_after_s=DEFERRED_START_S)

    def start_passive_listeners(self) -> None:
        self.subscribe_and_callback(self._forwarder.on_acknowledgment, topics.journal_acknowledged(self.unit))
        self.subscribe_and_callback(self._on_writer_state, topics.state("+", UNIVERSAL_EXPERIMENT, WRITER))
        self.subscribe_and_callback(self._stale_states.on_state, self._stale_states.filters)
        for who in (self.unit, UNIVERSAL_IDENTIFIER):
            for name, react in (
                ("flicker_led_response_okay", self._on_blink_request),
                ("flicker_led_with_error_code", self._on_error_code),
            ):
                # Older clients name the unit's experiment instead of `$experiment`.
                topic = topics.setting(who, "+", self.job_name, name)
                self.subscribe_and_callback(react, topic, allow_retained=False)
        if self.runtime.identity.is_leader:
            self.subscribe_and_callback(self._on_monitor_state, topics.state("+", UNIVERSAL_EXPERIMENT, self.job_name))

    def _watch_leader(self) -> None:
        """Report a leader from which nothing comes, if this is another unit and can tell a person."""
        runtime, open_notifier = self.runtime, self.runtime.open_notifier
        leader = runtime.identity.leader_hostname
        if open_notifier is None or runtime.identity.is_leader or not leader:
            return
        bus = self._registration.bus
        watcher = LeaderWatcher(
            self.unit,
            leader,
            runtime.clock,
            read=lambda: read_leader_watch(runtime.paths.secrets),
            open_notifier=lambda channel: open_notifier(channel, bus),
            log=self._log,
            post=self.run_soon,
        )
        self.subscribe_and_callback(watcher.on_heartbeat, topics.alarm_heartbeat(leader), allow_retained=False)
        self.every(LEADER_CHECK_EVERY_S, watcher.check)

    def on_init_to_ready(self) -> None:
        self.versions = {
            "app": __version__,
            "timestamp": structs.to_timestamp(self.runtime.clock.now()),
            **self._computer.versions(),
        }
        self.ipv4 = self._computer.ipv4()
        self.wlan_mac_address, self.eth_mac_address = self._computer.mac_addresses()

    def on_disconnected(self) -> None:
        if self._blinker is not None:
            self._blinker.dark()

    @classmethod
    def add_pre_button_callback(cls, callback: Callable[[], None]) -> None:
        """Call this when the HAT's button goes down, for plugins."""
        cls._pre_button.append(callback)

    @classmethod
    def add_post_button_callback(cls, callback: Callable[[], None]) -> None:
        """Call this when the HAT's button was released, for plugins."""
        cls._post_button.append(callback)

    def set_versions(self, versions: dict[str, object]) -> None:
        """Update the versions of known parts, such as the firmware."""
        known = {key: value for key, value in versions.items() if key in self.versions}
        self.versions = {**self.versions, **known}

    def _log(self, level: int, message: str) -> None:
        self.logger.log(level, "%s", message)

    # ---- journal -----------------------------------------------------------------------------------------

    def _send_batch(self, topic: str, payload: bytes) -> None:
        self.publish(topic, payload, qos=1)

    def _forward(self) -> None:
        self._forwarder.poll()
        self._journal_status.update(self._forwarder.backlog)

    def _on_writer_state(self, message: Message) -> None:
        """Resend at once what a database writer that starts or reconnects has missed."""
        if message.payload == JobState.READY.encode():
            self._forwarder.resend()

    def _publish_journal_status(self, safety: dict[str, object]) -> None:
        self.safe_up_to = safety

    def _log_output_guard_events(self) -> None:
        """Log what the output guard did, which has no connection of its own."""
        from pioreactor.output_guard.output_guard import (
            OUTPUT_GUARD_EVENTS,  # deferred: the import would delay the start
        )

        cache = self.runtime.stores.volatile(OUTPUT_GUARD_EVENTS)
        if not cache.items():
            return
        with cache.transaction() as store:
            done = sorted(store.items(), key=lambda item: int(str(item[0])))
            for number, _ in done:
                store.pop(number)
        for _, message in done:
            self.logger.warning("%s", message)
        self._account_interrupted_runs()
        self._publish_outputs()

    def _account_interrupted_runs(self) -> None:
        """Account for volumes of pump runs that a crash or a power cut interrupted."""
        for message in pump_run_log.account_interrupted_runs(self):
            self.logger.warning("%s", message)

    # ---- health checks -----------------------------------------------------------------------------------

    def self_check(self) -> None:
        """Run the health checks of the computer and of the reactor."""
        self._health.run(self._machine_checks.quick())
        if self._reactor_checks is not None:
            self._health.run(self._reactor_checks.quick())

    def _check_slowly(self) -> None:
        self._health.run(self._machine_checks.slow())
        if self._reactor_checks is not None:
            self._health.run(self._reactor_checks.slow())

    def _publish_statistics(self) -> None:
        now = self.runtime.clock.now()
        self.computer_statistics = {**self._machine_checks.statistics, "timestamp": structs.to_timestamp(now)}
        if self._reactor_checks is not None and self._reactor_checks.rail_volts is not None:
            volts = round(self._reactor_checks.rail_volts, 2)
            self.voltage_on_pwm_rail = structs.Voltage(voltage=volts, timestamp=now)

    def _publish_outputs(self) -> None:
        """Publish the state of vial and LEDs of the assigned experiment, also after a reboot."""
        try:
            experiment = self.runtime.identity.experiment()
        except PioreactorError as error:
            self.logger.debug("The states of vial and LEDs are not published: %s.", error)
            return
        state = bioreactor.vial_state(self.runtime, experiment)
        bioreactor.publish_changes(self.publish, self.unit, experiment, state, at=self.runtime.clock.now())
        publish_leds(self.runtime, self.publish, self.unit, experiment)

    # ---- the reactor -------------------------------------------------------------------------------------

    def _open_reactor(self) -> None:
        """Open the reactor as soon as this unit is known to be a worker."""
        try:
            if not self.runtime.identity.is_worker():
                self.later(RETRY_AFTER_S, self._open_reactor)
                return
            rig = self.runtime.open_rig()
        except (PioreactorError, OSError) as error:
            self.logger.debug("The reactor is not available yet: %s.", error)
            self.later(RETRY_AFTER_S, self._open_reactor)
            return
        from pioreactor.background_jobs.monitor.reactor_checks import (
            ReactorChecks,  # a unit without a reactor needs none
        )

        self._reactor_checks = ReactorChecks(self.runtime, rig)
        self._blinker = Blinker(rig.indicator(), self.later)
        self.every(HEAT_EVERY_S, self._check_heater_board, first_after_s=0.0)
        self._watch_button(rig)
        self._read_firmware_version(rig)

    def _read_firmware_version(self, rig: Rig) -> None:
        ask = getattr(rig, "firmware", None)  # only boards with a chip of their own have one
        if ask is None:
            return
        try:
            major, minor = ask()
            self.set_versions({"firmware": f"{major}.{minor}"})
        except (PioreactorError, OSError) as error:
            self.logger.debug("The firmware version is unknown: %s.", error)

    def _check_heater_board(self) -> None:
        assert self._reactor_checks is not None
        self._health.run(self._reactor_checks.fast())
        if "heating board" in self._health.faults and not self._has_powered_off:
            self._has_powered_off = True
            self._power_off()

    def _power_off(self) -> None:
        self.logger.critical("Powering the unit off to cut the supply of the heater.")
        try:
            if not self._computer.power_off():
                self.logger.warning("The computer of a simulated reactor is not powered off.")
        except OSError as error:
            self.logger.critical("The unit cannot be powered off (%s). Unplug it.", error)

    # ---- the button --------------------------------------------------------------------------------------

    def _watch_button(self, rig: Rig) -> None:
        wanted = self.runtime.settings.monitor.enable_button
        if wanted is True or (wanted == "auto" and not self._computer.is_slow()):
            self._button = rig.button()
            self.every(BUTTON_EVERY_S, self._poll_button)

    def _poll_button(self) -> None:
        assert self._button is not None
        try:
            pressed = self._button.is_pressed()
        except (PioreactorError, OSError):
            # Polled ten times a second: a missing HAT is reported by the health checks.
            return
        if pressed is self.button_down:
            return
        if pressed:
            self._run_callbacks(self._pre_button)
        self.button_down = pressed
        if self._blinker is not None:
            self._blinker.hold(pressed)
        if pressed:
            self._republish_all()
        else:
            self._run_callbacks(self._post_button)

    def _run_callbacks(self, callbacks: list[Callable[[], None]]) -> None:
        for callback in callbacks:
            try:
                callback()
            except Exception as error:  # an error in a plugin must not stop the monitor
                self.logger.exception("Error when the button was pressed: %s", error)

    # ---- light -------------------------------------------------------------------------------------------

    def _on_blink_request(self, _message: Message) -> None:
        if self._blinker is not None:
            self._blinker.show(OKAY)

    def _on_error_code(self, message: Message) -> None:
        try:
            code = int(message.payload)
        except ValueError:
            code = 0
        if 0 < code <= MAX_CODE:
            self._blink_code(code)
        else:
            self.logger.warning("Refused: %.20r is not an error code from 1 to %d.", message.payload, MAX_CODE)

    def _blink_code(self, code: int) -> None:
        if self._blinker is not None:
            self._blinker.show(pattern_of_code(code))

    # ---- lost workers, on the leader ---------------------------------------------------------------------

    def _on_monitor_state(self, message: Message) -> None:
        """Log once that a worker of the inventory is lost, and once that it is back."""
        parts = topics.parse(message.topic)
        if parts is None or parts.unit == self.unit:
            return
        unit = parts.unit
        if message.payload == JobState.LOST.encode():
            self._suspected_lost.setdefault(unit, self.runtime.clock.monotonic())
            self.later(LOST_AFTER_S, lambda: self._report_lost(unit))
            return
        since_s = self._suspected_lost.pop(unit, None)
        if unit in self._lost_units and since_s is not None:
            self._lost_units.discard(unit)
            self._log(logging.INFO, f"{unit} is back after {self.runtime.clock.monotonic() - since_s:.0f} s.")

    def _report_lost(self, unit: str) -> None:
        if unit not in self._suspected_lost:
            return
        try:
            is_ours = self.runtime.identity.inventory.is_worker(unit)
        except PioreactorError as error:
            self.logger.debug("Whether %s is a worker is unknown: %s.", unit, error)
            return
        if is_ours and unit not in self._lost_units:
            self._lost_units.add(unit)
            self._log(
                logging.WARNING,
                f"{unit} is lost: its monitor disconnected unexpectedly. Check its power and network. "
                "Its jobs continue if it has power.",
            )
