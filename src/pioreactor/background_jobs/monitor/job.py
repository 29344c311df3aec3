"""Runs on every unit from boot: says what the unit is and how it fares, and brings its journal to the leader."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pioreactor import structs, topics
from pioreactor.actions import bioreactor
from pioreactor.background_jobs.monitor.forwarding import LOOK_EVERY_S, JournalForwarder
from pioreactor.exc import HardwareNotFoundError, NotAssignedAnExperimentError, PioreactorError
from pioreactor.jobs import desired
from pioreactor.jobs.job import LongRunningBackgroundJob
from pioreactor.jobs.settings import Setting
from pioreactor.messaging.ports import Message
from pioreactor.supervisor.watch import SUPERVISOR_EVENTS
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor.version import __version__

STATISTICS_EVERY_S = 60.0
BUTTON_EVERY_S = 0.1
LITTLE_DISK_GB = 3.0


class Monitor(LongRunningBackgroundJob):
    """The unit's own watch. Its experiment is `$experiment`."""

    job_name = "monitor"

    versions = Setting(None, datatype="json", settable=True, display=False)
    computer_statistics = Setting(None, datatype="json", display=False)
    voltage_on_pwm_rail = Setting(None, datatype="Voltage", display=False)
    button_down = Setting(False, display=False)
    ipv4 = Setting(None, datatype="string", display=False)
    wlan_mac_address = Setting(None, datatype="string", display=False)
    eth_mac_address = Setting(None, datatype="string", display=False)
    safe_up_to = Setting(None, datatype="json", display=False)

    _pre_button: ClassVar[list[Callable[[], None]]] = []
    _post_button: ClassVar[list[Callable[[], None]]] = []

    def __init__(self, unit: str, experiment: str = UNIVERSAL_EXPERIMENT) -> None:
        super().__init__(unit, experiment)
        self._facts = self.runtime.machine
        self._forwarder = JournalForwarder(
            self.runtime.stores.journal(),
            self.runtime.clock,
            self._send_batch,
            unit=unit,
            max_bytes=int(self.runtime.settings.journal.max_mb * 1e6),
        )
        self._announced_backlog: int | None = None
        self.start_passive_listeners()
        self.every(LOOK_EVERY_S, self._forward, first_after_s=0.0)
        self.every(STATISTICS_EVERY_S, self.self_check, first_after_s=0.0)

    def start_passive_listeners(self) -> None:
        self.subscribe_and_callback(self._forwarder.hear_acknowledgement, topics.journal_acknowledged(self.unit))

    def on_init_to_ready(self) -> None:
        self.versions = {
            "app": __version__,
            "timestamp": structs.to_timestamp(self.runtime.clock.now()),
            **self._facts.versions(),
        }
        self.ipv4 = self._facts.ipv4()
        self.wlan_mac_address, self.eth_mac_address = self._facts.mac_addresses()
        self._announce_vial()

    @classmethod
    def add_pre_button_callback(cls, callback: Callable[[], None]) -> None:
        """Call this when the HAT's button goes down, for plugins."""
        cls._pre_button.append(callback)

    @classmethod
    def add_post_button_callback(cls, callback: Callable[[], None]) -> None:
        """Call this when the HAT's button was released, for plugins."""
        cls._post_button.append(callback)

    def set_versions(self, versions: dict[str, object]) -> None:
        """Take over what another program says about known parts, such as the user interface's version."""
        known = {key: value for key, value in versions.items() if key in self.versions}
        self.versions = {**self.versions, **known}

    # ---- records -------------------------------------------------------------------------------------------

    def _send_batch(self, topic: str, payload: bytes) -> None:
        self.publish(topic, payload, qos=1)

    def _forward(self) -> None:
        self._forwarder.look()
        self._repeat_supervisor()
        backlog = self._forwarder.backlog
        if backlog != self._announced_backlog and (backlog == 0 or self._announced_backlog in (None, 0)):
            self._announced_backlog = backlog
            self._announce_safety(backlog)

    def _announce_safety(self, backlog: int) -> None:
        self.safe_up_to = {
            "acknowledged_seq": self.runtime.stores.journal().acknowledged_seq(),
            "waiting": backlog,
            "timestamp": structs.to_timestamp(self.runtime.clock.now()),
        }

    def _repeat_supervisor(self) -> None:
        """Say to the cluster what the supervisor, which speaks to nobody, has done."""
        with self.runtime.stores.volatile(SUPERVISOR_EVENTS).transaction() as store:
            done = sorted(store.items(), key=lambda item: int(str(item[0])))
            for number, _ in done:
                store.pop(number)
        for _, words in done:
            self.logger.warning("%s", words)

    # ---- the unit ------------------------------------------------------------------------------------------

    def self_check(self) -> None:
        """Look at the machine and say what is wrong with it."""
        self.computer_statistics = {
            **self._facts.statistics(self.runtime.paths.dot_pioreactor),
            "timestamp": structs.to_timestamp(self.runtime.clock.now()),
        }
        desired.note_alive(self.runtime)
        self._announce_safety(self._forwarder.backlog)
        free_gb = self.computer_statistics["available_disk_space"]
        if isinstance(free_gb, float) and free_gb < LITTLE_DISK_GB:
            self.logger.warning("Only %.1f GB of disk are free. Delete or move data.", free_gb)
        self._check_rail()

    def _check_rail(self) -> None:
        if not self.runtime.identity.is_worker():
            return
        try:
            volts = self.runtime.open_rig().aux_volts()
        except (HardwareNotFoundError, PioreactorError) as error:
            self.logger.debug("The rail's voltage cannot be read: %s.", error)
            return
        self.voltage_on_pwm_rail = structs.Voltage(voltage=round(volts, 2), timestamp=self.runtime.clock.now())

    def _announce_vial(self) -> None:
        """Publish the vial's state of the assigned experiment, so that it is there after a reboot."""
        try:
            experiment = self.runtime.identity.experiment()
        except (NotAssignedAnExperimentError, PioreactorError):
            return
        state = bioreactor.vial_state(self.runtime, experiment)
        bioreactor.announce(self.publish, self.unit, experiment, state)

    def _hear_blink(self, _message: Message) -> None:
        self.logger.debug("Blink.")
