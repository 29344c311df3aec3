"""Runs on every unit from boot: says what the unit is and how it fares, and brings its journal to the leader."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from pioreactor import structs, topics
from pioreactor.actions import bioreactor, pump_run_log
from pioreactor.actions.led_intensity import publish_leds
from pioreactor.background_jobs.monitor.blinking import LARGEST_CODE, OKAY, Blinker, pattern_of_code
from pioreactor.background_jobs.monitor.forwarding import JournalForwarder
from pioreactor.background_jobs.monitor.health_checks import Watchlist
from pioreactor.background_jobs.monitor.job_restarter import Revival
from pioreactor.background_jobs.monitor.journal_status import RecordsWatch
from pioreactor.background_jobs.monitor.machine_checks import MachineChecks
from pioreactor.background_jobs.monitor.stale_state_cleaner import Ghosts
from pioreactor.devices.ports import Button, Rig
from pioreactor.exc import PioreactorError
from pioreactor.jobs import restart_policy
from pioreactor.jobs.job import LongRunningBackgroundJob
from pioreactor.jobs.measurement import Measurement
from pioreactor.jobs.published_attribute import Status
from pioreactor.jobs.settings import Setting
from pioreactor.messaging.ports import Message
from pioreactor.states import JobState
from pioreactor.types import UNIVERSAL_EXPERIMENT, UNIVERSAL_IDENTIFIER
from pioreactor.version import __version__

if TYPE_CHECKING:
    from pioreactor.background_jobs.monitor.reactor_checks import ReactorChecks

STATISTICS_EVERY_S = 60.0
CHECK_EVERY_S = 30.0
SLOW_CHECK_EVERY_S = 900.0
HEAT_EVERY_S = 10.0
BUTTON_EVERY_S = 0.1
SUPERVISOR_EVERY_S = 2.0
REVIVE_EVERY_S = 5.0
INTRODUCE_AFTER_S = 0.5
"""What needs the leader or the reactor is asked for when the job is ready already."""
ASK_AGAIN_AFTER_S = 60.0
LOST_AFTER_S = 3.0
"""A unit whose network is whole again connects anew. The broker then ends its old connection and calls it lost, until
the unit has put that right."""
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

    _pre_button: ClassVar[list[Callable[[], None]]] = []
    _post_button: ClassVar[list[Callable[[], None]]] = []

    def __init__(self, unit: str, experiment: str = UNIVERSAL_EXPERIMENT) -> None:
        super().__init__(unit, experiment)
        clock = self.runtime.clock
        self._facts = self.runtime.computer
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
        self._records = RecordsWatch(journal, clock, announce=self._announce_safety, say=self._say)
        self._machine_checks = MachineChecks(self.runtime, self.pub_client.is_connected)
        self._watchlist = Watchlist(
            clock,
            say=self._say,
            blink=self._blink_code,
            remind_after_s=3600.0 * self.runtime.settings.monitor.self_check_interval_hours,
        )
        self._revival = Revival(self.runtime, self._say)
        self._ghosts = Ghosts(self.runtime.stores.jobs(), self.publish, unit=unit)
        self._reactor_checks: ReactorChecks | None = None
        self._blinker: Blinker | None = None
        self._button: Button | None = None
        self._lost_units: set[str] = set()
        self._perhaps_lost: set[str] = set()
        self._has_powered_off = False
        self.start_passive_listeners()
        self.every(self.runtime.settings.journal.forward_every_s, self._forward, first_after_s=0.0)
        self.every(self.runtime.settings.journal.forward_every_s, self._ghosts.look, first_after_s=0.0)
        self.every(SUPERVISOR_EVERY_S, self._repeat_supervisor, first_after_s=INTRODUCE_AFTER_S)
        self.every(REVIVE_EVERY_S, self._revival.look)
        self.later(INTRODUCE_AFTER_S, self._meet_the_reactor)
        self.later(INTRODUCE_AFTER_S, self._settle_pumps)
        self.later(INTRODUCE_AFTER_S, self._announce_outputs)
        self.every(CHECK_EVERY_S, self.self_check, first_after_s=INTRODUCE_AFTER_S)
        # The first note keeps when the unit was last known to live before, for `pio resume`.
        self.every(CHECK_EVERY_S, lambda: restart_policy.record_alive(self.runtime), first_after_s=0.0)
        self.every(SLOW_CHECK_EVERY_S, self._check_slowly, first_after_s=INTRODUCE_AFTER_S)
        self.every(STATISTICS_EVERY_S, self._announce_statistics, first_after_s=INTRODUCE_AFTER_S)

    def start_passive_listeners(self) -> None:
        self.subscribe_and_callback(self._forwarder.hear_acknowledgement, topics.journal_acknowledged(self.unit))
        self.subscribe_and_callback(self._hear_writer, topics.state("+", UNIVERSAL_EXPERIMENT, WRITER))
        self.subscribe_and_callback(self._ghosts.hear, self._ghosts.filters)
        for who in (self.unit, UNIVERSAL_IDENTIFIER):
            for name, react in (
                ("flicker_led_response_okay", self._hear_blink),
                ("flicker_led_with_error_code", self._hear_code),
            ):
                # Old commands name the unit's experiment instead of `$experiment`.
                topic = topics.setting(who, "+", self.job_name, name)
                self.subscribe_and_callback(react, topic, allow_retained=False)
        if self.runtime.identity.is_leader:
            self.subscribe_and_callback(
                self._hear_state_of_monitor, topics.state("+", UNIVERSAL_EXPERIMENT, self.job_name)
            )

    def on_init_to_ready(self) -> None:
        self.versions = {
            "app": __version__,
            "timestamp": structs.to_timestamp(self.runtime.clock.now()),
            **self._facts.versions(),
        }
        self.ipv4 = self._facts.ipv4()
        self.wlan_mac_address, self.eth_mac_address = self._facts.mac_addresses()

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
        """Take over what another program says about known parts, such as the firmware's version."""
        known = {key: value for key, value in versions.items() if key in self.versions}
        self.versions = {**self.versions, **known}

    def _say(self, level: int, sentence: str) -> None:
        self.logger.log(level, "%s", sentence)

    # ---- records -------------------------------------------------------------------------------------------

    def _send_batch(self, topic: str, payload: bytes) -> None:
        self.publish(topic, payload, qos=1)

    def _forward(self) -> None:
        self._forwarder.look()
        self._records.look(self._forwarder.backlog)

    def _hear_writer(self, message: Message) -> None:
        """Repeat at once what a writer that begins, or whose broker came back, cannot have."""
        if message.payload == JobState.READY.encode():
            self._forwarder.send_again()

    def _announce_safety(self, safety: dict[str, object]) -> None:
        self.safe_up_to = safety

    def _repeat_supervisor(self) -> None:
        """Say to the cluster what the supervisor, which speaks to nobody, has done."""
        from pioreactor.output_guard.output_guard import (
            OUTPUT_GUARD_EVENTS,  # not before the job is ready: it costs time
        )

        cache = self.runtime.stores.volatile(OUTPUT_GUARD_EVENTS)
        if not cache.items():
            return
        with cache.transaction() as store:
            done = sorted(store.items(), key=lambda item: int(str(item[0])))
            for number, _ in done:
                store.pop(number)
        for _, words in done:
            self.logger.warning("%s", words)
        self._settle_pumps()
        self._announce_outputs()

    def _settle_pumps(self) -> None:
        """Enter into the books what pumps moved whose owner died, or whose power went away."""
        for words in pump_run_log.account_interrupted_runs(self):
            self.logger.warning("%s", words)

    # ---- the machine ---------------------------------------------------------------------------------------

    def self_check(self) -> None:
        """Look at the machine and the reactor, and say what is wrong with them."""
        self._watchlist.look(self._machine_checks.quick())
        if self._reactor_checks is not None:
            self._watchlist.look(self._reactor_checks.quick())

    def _check_slowly(self) -> None:
        self._watchlist.look(self._machine_checks.slow())
        if self._reactor_checks is not None:
            self._watchlist.look(self._reactor_checks.slow())

    def _announce_statistics(self) -> None:
        now = self.runtime.clock.now()
        self.computer_statistics = {**self._machine_checks.statistics, "timestamp": structs.to_timestamp(now)}
        if self._reactor_checks is not None and self._reactor_checks.rail_volts is not None:
            volts = round(self._reactor_checks.rail_volts, 2)
            self.voltage_on_pwm_rail = structs.Voltage(voltage=volts, timestamp=now)

    def _announce_outputs(self) -> None:
        """Publish what is in the vial of the assigned experiment, and what is lit: also after a reboot."""
        try:
            experiment = self.runtime.identity.experiment()
        except PioreactorError as error:
            self.logger.debug("The states of vial and LEDs are not announced: %s.", error)
            return
        state = bioreactor.vial_state(self.runtime, experiment)
        bioreactor.publish_changes(self.publish, self.unit, experiment, state)
        publish_leds(self.runtime, self.publish, self.unit, experiment)

    # ---- the reactor ---------------------------------------------------------------------------------------

    def _meet_the_reactor(self) -> None:
        """Open the reactor of a worker, once it is known that this unit is one."""
        try:
            if not self.runtime.identity.is_worker():
                self.later(ASK_AGAIN_AFTER_S, self._meet_the_reactor)
                return
            rig = self.runtime.open_rig()
        except (PioreactorError, OSError) as error:
            self.logger.debug("There is no reactor to watch yet: %s.", error)
            self.later(ASK_AGAIN_AFTER_S, self._meet_the_reactor)
            return
        from pioreactor.background_jobs.monitor.reactor_checks import (
            ReactorChecks,  # a unit without a reactor needs none
        )

        self._reactor_checks = ReactorChecks(self.runtime, rig)
        self._blinker = Blinker(rig.indicator(), self.later)
        self.every(HEAT_EVERY_S, self._check_heat, first_after_s=0.0)
        self._listen_to_button(rig)
        self._learn_firmware(rig)

    def _learn_firmware(self, rig: Rig) -> None:
        ask = getattr(rig, "firmware", None)  # only boards with a chip of their own have one
        if ask is None:
            return
        try:
            major, minor = ask()
            self.set_versions({"firmware": f"{major}.{minor}"})
        except (PioreactorError, OSError) as error:
            self.logger.debug("The firmware's version is not known: %s.", error)

    def _check_heat(self) -> None:
        assert self._reactor_checks is not None
        self._watchlist.look(self._reactor_checks.fast())
        if "heating board" in self._watchlist.present and not self._has_powered_off:
            self._has_powered_off = True
            self._power_off()

    def _power_off(self) -> None:
        self.logger.critical("The unit powers off, which takes the heater's supply with it.")
        try:
            if not self._facts.power_off():
                self.logger.warning("A simulated reactor's computer is not powered off.")
        except OSError as error:
            self.logger.critical("The unit cannot be powered off (%s). Pull its plug.", error)

    # ---- the button ----------------------------------------------------------------------------------------

    def _listen_to_button(self, rig: Rig) -> None:
        wanted = self.runtime.settings.monitor.enable_button
        if wanted is True or (wanted == "auto" and not self._facts.is_slow()):
            self._button = rig.button()
            self.every(BUTTON_EVERY_S, self._look_at_button)

    def _look_at_button(self) -> None:
        assert self._button is not None
        try:
            pressed = self._button.is_pressed()
        except (PioreactorError, OSError):
            # Ten complaints a second help nobody; that the HAT does not answer is said elsewhere.
            return
        if pressed is self.button_down:
            return
        if pressed:
            self._call_back(self._pre_button)
        self.button_down = pressed
        if self._blinker is not None:
            self._blinker.hold(pressed)
        if pressed:
            self._republish_all()
        else:
            self._call_back(self._post_button)

    def _call_back(self, callbacks: list[Callable[[], None]]) -> None:
        for callback in callbacks:
            try:
                callback()
            except Exception as error:  # what a plugin does wrong must not keep the monitor from its other work
                self.logger.exception("Error when the button was pressed: %s", error)

    # ---- light ---------------------------------------------------------------------------------------------

    def _hear_blink(self, _message: Message) -> None:
        if self._blinker is not None:
            self._blinker.show(OKAY)

    def _hear_code(self, message: Message) -> None:
        try:
            code = int(message.payload)
        except ValueError:
            code = 0
        if 0 < code <= LARGEST_CODE:
            self._blink_code(code)
        else:
            self.logger.warning("Refused: %.20r is no error code from 1 to %d.", message.payload, LARGEST_CODE)

    def _blink_code(self, code: int) -> None:
        if self._blinker is not None:
            self._blinker.show(pattern_of_code(code))

    # ---- the leader's look at its workers ------------------------------------------------------------------

    def _hear_state_of_monitor(self, message: Message) -> None:
        """Say once that a worker of the inventory vanished, and once that it is back."""
        parts = topics.parse(message.topic)
        if parts is None or parts.unit == self.unit:
            return
        unit = parts.unit
        if message.payload == JobState.LOST.encode():
            self._perhaps_lost.add(unit)
            self.later(LOST_AFTER_S, lambda: self._say_lost(unit))
            return
        self._perhaps_lost.discard(unit)
        if unit in self._lost_units:
            self._lost_units.discard(unit)
            self._say(logging.INFO, f"{unit} is back.")

    def _say_lost(self, unit: str) -> None:
        if unit not in self._perhaps_lost:
            return
        try:
            is_ours = self.runtime.identity.inventory.is_worker(unit)
        except PioreactorError as error:
            self.logger.debug("Whether %s is a worker is not known: %s.", unit, error)
            return
        if is_ours and unit not in self._lost_units:
            self._lost_units.add(unit)
            self._say(
                logging.WARNING,
                f"{unit} is lost: its monitor ended without a word. Check that it is on and in the network. It goes on "
                "with what it was doing, if it has power.",
            )
