"""Alarm engine of the cluster: receives the units, keeps alarms in the leader's database, and tells people of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from pioreactor import topics
from pioreactor.alarms import AlarmRule, Diagnosis
from pioreactor.alarms.alarm_engine import AlarmEngine
from pioreactor.alarms.changes import Change, Key, Raised
from pioreactor.alarms.records import ToldEvent
from pioreactor.background_jobs.leader import alarm_messages
from pioreactor.background_jobs.leader.alarm_delivery import DeliveryDesk, Outcome
from pioreactor.background_jobs.leader.log_deduplicator import FAULT_LOG_INTERVAL_S
from pioreactor.exc import PioreactorError, StorageError
from pioreactor.jobs.job import LongRunningBackgroundJob
from pioreactor.messaging.ports import Message
from pioreactor.settings.followed_files import FollowedSettings
from pioreactor.storage.leader.alarms.rule_table import rules_in_force
from pioreactor.structs.alarm_payloads import AlarmHeartbeat, AlarmSummary
from pioreactor.types import UNIVERSAL_EXPERIMENT

TICK_S: Final = 1.0
PEOPLE_EVERY_S: Final = 2.0
"""Interval at which what people did is read from the database."""
UNITS_EVERY_S: Final = 30.0
HEARTBEAT_S: Final = 10.0
PRUNE_EVERY_S: Final = 86_400.0
_FAILED: Final = "delivery_failed"


class AlarmJob(LongRunningBackgroundJob):
    """Raise alarms, and tell people of them; runs on the leader from boot."""

    job_name = "alarms"
    alarm_rules = (
        AlarmRule(
            name="alarm_delivery_failed",
            title="Message about an alarm was not delivered",
            condition=Diagnosis(job="alarms", name=_FAILED),
            severity="high",
        ),
    )

    def __init__(self, unit: str, experiment: str = UNIVERSAL_EXPERIMENT) -> None:
        super().__init__(unit, experiment)
        open_alarms, open_notifier = self.runtime.open_alarms, self.runtime.open_notifier
        if open_alarms is None or open_notifier is None:
            raise PioreactorError(f"{unit} is not the leader and has no database")
        clock = self.runtime.clock
        paths = self.runtime.paths
        self._settings = FollowedSettings(paths.global_config, paths.local_config, self.runtime.settings)
        self._configured: Mapping[str, str] = {}
        self._database = open_alarms()
        self._engine = AlarmEngine()
        self._subscribed: set[str] = set()
        self._revision: object = None
        self._shelved: frozenset[Key] = frozenset()
        self._unstored: list[Change] = []
        self._failure_logged_at_s = -math.inf
        self._summary: AlarmSummary | None = None
        bus = self._registration.bus
        self._desk = DeliveryDesk(
            self._database,
            clock,
            open_notifier=lambda channel: open_notifier(channel, bus),
            post=self.run_soon,
            on_outcome=self._on_outcome,
            link=lambda: self._settings.read().alarms.link,
            installation=unit,
        )
        self._database.deliveries.close_interrupted()
        self._engine.restore(self._database.alarms.ages_s(), clock.monotonic())
        self._guarded(self._load)
        self.every(TICK_S, lambda: self._guarded(self._tick))
        self.every(PEOPLE_EVERY_S, lambda: self._guarded(self._load))
        self.every(UNITS_EVERY_S, lambda: self._guarded(self._expect_units))
        self.every(HEARTBEAT_S, self._beat, first_after_s=0.0)
        self.every(PRUNE_EVERY_S, lambda: self._guarded(self._prune))
        self.subscribe_and_callback(self._on_message, alarm_messages.filters())
        self.subscribe_and_callback(self._on_rules, topics.of_any_unit(f"+/{alarm_messages.RULES}"))

    def on_disconnected(self) -> None:
        database = self.__dict__.get("_database")
        if database is not None:
            database.close()

    # ---- what is received -------------------------------------------------------------------------------------

    def _on_message(self, message: Message) -> None:
        clock = self.runtime.clock
        observation = alarm_messages.observation_of(message, clock.now())
        if observation is not None:
            self._engine.observe(observation, clock.monotonic())

    def _on_rules(self, message: Message) -> None:
        try:
            rules = alarm_messages.declared_rules(message.payload)
            if self._database.rules.declare(rules):
                self._load()
        except (msgspec.DecodeError, PioreactorError) as error:
            self.logger.debug("The rules on %s are not used: %s", message.topic, error)

    # ---- rules, people and units ---------------------------------------------------------------------------

    def _load(self) -> None:
        """Take over rules, acknowledgments and shelves, if they have changed."""
        revision, configured = self._database.rules.revision(), self._settings.read().alarm_rules
        if (revision, configured) != (self._revision, self._configured):
            self._revision, self._configured = revision, configured
            self._use_rules()
        alarms = self._database.alarms.open()
        keys = {one.id: Key(one.rule, one.pioreactor_unit, one.experiment) for one in alarms}
        self._engine.mark(
            acknowledged=[keys[one.id] for one in alarms if one.acknowledged_at is not None],
            escalated=[keys[one.id] for one in alarms if one.escalated_at is not None],
        )
        self._shelved = frozenset(shelved.key for shelved in self._database.alarms.shelves())
        self._engine.shelved = self._shelved
        self._publish(Counter(one.severity for one in alarms if one.state != "shelved"))

    def _use_rules(self) -> None:
        in_force = rules_in_force(self._database.rules.all(), self._configured)
        for one in in_force:
            if one.fault is not None:
                self.logger.warning("A rule is used as it is declared: %s", one.fault)
        rules = [one.rule for one in in_force]
        self._engine.use(rules)
        self._expect_units()
        for topic in sorted(alarm_messages.filters_of(rules) - self._subscribed):
            self._subscribed.add(topic)
            self.subscribe_and_callback(self._on_message, topic)

    def _expect_units(self) -> None:
        units = [*self._database.active_units(), self.unit]
        self._engine.expect(units, self.runtime.clock.monotonic())

    # ---- what is done --------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._unstored += self._engine.tick(self.runtime.clock.monotonic())
        if self._unstored:
            self._database.alarms.apply(self._unstored)
            self._log(self._unstored)
            self._unstored = []
            self._load()
        self._desk.poll(self.runtime.clock.now().astimezone(), shelved=self._is_shelved)

    def _is_shelved(self, event: ToldEvent) -> bool:
        return Key(event.rule, event.unit, event.experiment) in self._shelved

    def _log(self, changes: Sequence[Change]) -> None:
        for change in changes:
            what = f"{change.rule.title}: {change.text}" if isinstance(change, Raised) else change.key.rule
            where = change.key.unit if change.key.unit else "the cluster"
            self.logger.info("%s, %s of %s.", type(change).__name__, what.rstrip("."), where)

    def _on_outcome(self, outcome: Outcome) -> None:
        delivery, error = outcome.delivery, outcome.error
        if error is None:
            self.report_diagnosis(_FAILED, None)
            self.logger.info("Told %s: %s", delivery.channel, delivery.notice.title)
            return
        self.logger.info("%s was not told: %s.", delivery.channel, error)
        if error.is_final:
            self.report_diagnosis(_FAILED, f"A message to {delivery.channel} was not delivered: {error}.")

    def _beat(self) -> None:
        heartbeat = AlarmHeartbeat(self.runtime.clock.now())
        self.publish(topics.alarm_heartbeat(self.unit), msgspec.json.encode(heartbeat), qos=0)

    def _publish(self, counts: Mapping[str, int]) -> None:
        newest = self._database.channels.newest_event()
        summary = AlarmSummary(dict(counts), len(self._engine.suppressed), newest)
        if summary != self._summary:
            self._summary = summary
            self.publish(topics.alarm_summary(self.unit), msgspec.json.encode(summary), retain=True)

    def _prune(self) -> None:
        self._database.alarms.prune()
        self._database.deliveries.prune()

    def _guarded(self, work: Callable[[], object]) -> None:
        """Do something with the database; while it is unavailable the engine keeps what it knows."""
        try:
            work()
        except StorageError as error:
            # Not only once: reading can succeed while writing does not, and each would begin a new failure.
            now_s = self.runtime.clock.monotonic()
            if now_s - self._failure_logged_at_s >= FAULT_LOG_INTERVAL_S:
                self._failure_logged_at_s = now_s
                self.logger.error("Alarms cannot be stored: %s. They are stored once that is possible.", error)
