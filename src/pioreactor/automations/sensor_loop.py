"""Base of automations that hold a recorded quantity, also one of a plugin, at a set point by a PID controller."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

import msgspec

from pioreactor import measurements, topics
from pioreactor.automations.base import SECONDS_PER_MINUTE, AutomationJob
from pioreactor.automations.events import AutomationEvent, ErrorOccurred, LoopTuned, NoEvent
from pioreactor.automations.latest_readings import LatestReading, Signal
from pioreactor.did_you_mean import nearest
from pioreactor.exc import InvalidRequestError, JobRequiredError, SettingError
from pioreactor.jobs.published_attribute import Status
from pioreactor.jobs.settings import Setting
from pioreactor.messaging.ports import Message
from pioreactor.science.bumpless_pid import BumplessPid, PidGains
from pioreactor.science.relay_tuning import RelayExperiment, Ultimate

TUNED_LOOPS: Final = "tuned_loops"
"""Persistent cache of gains that were measured on this unit, by measurement and actuator."""
AT_LIMIT_FOR_MIN: Final = 60.0
"""After so long at a limit of the output without reaching the set point a warning is logged."""


@dataclass(frozen=True, slots=True)
class MeasuredQuantity:
    """A quantity with a time series, or one channel of it."""

    spec: measurements.MeasurementSpec
    channel: str | None

    @property
    def jobs(self) -> str:
        """Return the jobs that publish it."""
        return " or ".join(dict.fromkeys(topic.split("/")[0] for topic in self.spec.topics))

    def value(self, topic: str, payload: bytes) -> float | None:
        """Return the number in a message; None if it is not of this channel or not finite."""
        rows = measurements.parser_of(self.spec)(topic, payload)
        series = self.spec.series
        assert series is not None, "quantities without a series are not found"
        for row in _rows(rows):
            number = row.get(series.column)
            is_of_channel = series.channel is None or str(row.get(series.channel)) == self.channel
            if is_of_channel and isinstance(number, int | float) and math.isfinite(number):
                return float(number)
        return None


class TunedLoop(msgspec.Struct, frozen=True):
    """Gains that a relay experiment gave, what it measured, and when and in which experiment."""

    gain: float
    integral_time_min: float
    ultimate_gain: float
    ultimate_period_min: float
    setpoint: float
    experiment: str
    tuned_at: datetime


def _rows(rows: object) -> Iterator[Mapping[str, object]]:
    if isinstance(rows, Mapping):
        yield rows
    elif isinstance(rows, Sequence):
        yield from rows


def find_quantity(text: str) -> MeasuredQuantity:
    """Return the quantity `ph`, or channel 2 of `od:2`; raise `InvalidRequestError` that names those there are."""
    name, _, channel = text.strip().partition(":")
    known = {spec.name: spec for spec in measurements.series_specs().values()}
    spec = known.get(name)
    if spec is None or spec.series is None:
        near = nearest(name, known)
        raise InvalidRequestError(
            f"there is no measurement {name!r}" + (f"; did you mean {near}?" if near is not None else ""),
            remedy=f"Give one of {', '.join(sorted(known))}, or install the plugin that declares it on this unit.",
        )
    of_channel = spec.series.channel
    allowed = [str(one) for one in spec.table.column(of_channel).allowed] if of_channel is not None else []
    if (channel not in allowed) if allowed else bool(channel):
        channels = f"has the channels {', '.join(allowed)}" if allowed else "has no channels"
        example = f"{name}:{allowed[-1]}" if allowed else name
        raise InvalidRequestError(f"the measurement {name} {channels}", remedy=f"Give for example {example}.")
    return MeasuredQuantity(spec, channel if allowed else None)


class SensorLoop(AutomationJob):
    """Reads the quantity and decides; a subclass has the actuator: its limits, its present output, and how to set it.

    Without a reading of the last five minutes, and while paused, the output is at its safe value.
    """

    output_unit: ClassVar[str] = ""

    measurement = Setting[str](
        label="Measurement", help="recorded quantity to hold, such as ph; one with channels as od:2", suggestion="ph"
    )
    setpoint = Setting[float](
        unit="of the measurement", label="Set point", ge=-1e9, le=1e9, help="value to hold the measurement at"
    )
    effect = Setting(
        "raises", label="More output", choices=("raises", "lowers"), help="what more output does to the measurement"
    )
    mode = Setting(
        "control", label="Mode", choices=("control", "tune"),
        help="control; or tune: measure the gains by a bounded experiment first, then control with them",
    )  # fmt: skip
    gain = Setting(
        0.0, unit="output per unit of the measurement", label="Gain", ge=0, le=1e9,
        help="proportional gain; 0: the gains that were measured last on this unit",
    )  # fmt: skip
    integral_time_min = Setting(
        30.0, unit="min", label="Integral time", ge=0, le=100_000, help="time of the integral action; 0: none"
    )
    derivative_time_min = Setting(
        0.0, unit="min", label="Derivative time", ge=0, le=100_000, help="time of the derivative action; 0: none"
    )

    tuning_amplitude = Setting(
        0.0, unit="of the output", label="Amplitude of tuning", ge=0, le=100,
        help="how far the output is moved to either side; 0: half of its range",
    )  # fmt: skip
    tuning_hysteresis = Setting(
        0.0, unit="of the measurement", label="Hysteresis of tuning", ge=0, le=1e9,
        help="how far the measurement must pass the set point; 0: three times its noise",
    )  # fmt: skip
    tuning_max_deviation = Setting(
        0.0, unit="of the measurement", label="Largest deviation", ge=0, le=1e9,
        help="tuning ends when the measurement, once there, is further from its set point; 0: no limit",
    )  # fmt: skip
    tuning_time_limit_min = Setting(
        240.0, unit="min", label="Time for tuning", ge=1, le=100_000, help="tuning ends after so long"
    )

    output = Status[float | None](datatype="float", label="Output of the controller")

    def _begin_loop(self) -> None:
        """Look up what is to be held. Constructors of subclasses call it once."""
        given = {"--measurement": self.measurement, "--setpoint": self.setpoint}
        missing = [option for option, value in given.items() if value is None]
        if missing:
            raise InvalidRequestError(f"{self.automation_name} needs {' and '.join(missing)}", remedy="Give them.")
        self._quantity = find_quantity(self.measurement)
        self._load_gains()
        self._measured = LatestReading[float](
            f"the measurement {self.measurement}", self._quantity.jobs, self.runtime.clock.monotonic
        )
        low, high = self.output_limits()
        self._pid = BumplessPid(self._gains(), self.setpoint, low, high)
        self._decided_at_s: float | None = None
        """Moment of the last decision; None while the output is at its safe value."""
        self._at_limit_min = 0.0
        self._relay: RelayExperiment | None = None
        self._tuning_since_s = 0.0
        self.run_every(self.duration)

    def _load_gains(self) -> None:
        """Take the gains that were measured last, if none are given; raise `InvalidRequestError` if there are none.

        After a power cut a loop that was to be tuned is controlled with them: an experiment is for a person to begin.
        """
        stored = self.runtime.stores.persistent(TUNED_LOOPS).get(self._loop_key)
        if isinstance(stored, str | bytes) and self.mode == "tune" and self.runtime.is_resumed:
            self.mode = "control"
        if self.gain > 0 or self.mode == "tune":
            return
        if not isinstance(stored, str | bytes):
            raise InvalidRequestError(
                f"{self.automation_name} needs a gain for {self.measurement}",
                remedy="Give --gain, or --mode tune, which measures it.",
            )
        tuned = msgspec.json.decode(stored, type=TunedLoop)
        self.gain, self.integral_time_min, self.derivative_time_min = tuned.gain, tuned.integral_time_min, 0.0
        self.logger.info("Gains are those measured at %s.", tuned.tuned_at.isoformat(" ", "minutes"))

    @property
    def _loop_key(self) -> tuple[str, str]:
        return self.measurement, self.actuator()

    # ---- the actuator, see subclasses ----------------------------------------------------------------------

    def actuator(self) -> str:
        """Return the name of what the output moves. Hook for subclasses."""
        raise NotImplementedError

    def output_limits(self) -> tuple[float, float]:
        """Return the least and the largest output. Hook for subclasses."""
        raise NotImplementedError

    def present_output(self) -> float:
        """Return the output with which control begins. Hook for subclasses."""
        raise NotImplementedError

    def actuate(self, output: float, elapsed_min: float) -> AutomationEvent:
        """Set the output; `elapsed_min` have passed since it was set last. Hook for subclasses."""
        raise NotImplementedError

    def make_safe(self) -> None:
        """Set the output to what it must be without a controller. Hook for subclasses."""
        raise NotImplementedError

    # ---- control -------------------------------------------------------------------------------------------

    def signals(self) -> tuple[Signal, ...]:
        return (self._measured,)

    def execute(self) -> AutomationEvent:
        try:
            measured = self._measured.latest
        except JobRequiredError:
            self._stop_output()
            raise
        output, elapsed_min = self._decide(measured) if self.mode == "control" else self._tune(measured)
        if self._relay is not None and (event := self._conclude_tuning(self._relay, measured)) is not None:
            return event
        self.output = output
        event = self.actuate(output, elapsed_min) if elapsed_min > 0 else NoEvent("control begins")
        event.data = {
            **(event.data or {}), "measured": measured, "setpoint": self.setpoint, "output": round(output, 5),
        }  # fmt: skip
        return event

    def _decide(self, measured: float) -> tuple[float, float]:
        """Return the output, and the minutes since the last decision: 0 for the first, which changes nothing."""
        now_s = self.runtime.clock.monotonic()
        before_s, self._decided_at_s = self._decided_at_s, now_s
        self._pid.low, self._pid.high = self.output_limits()
        self._pid.setpoint = self.setpoint
        self._pid.change_gains(self._gains())
        if before_s is None:
            return self._pid.start(measured, self.present_output()), 0.0
        elapsed_min = (now_s - before_s) / SECONDS_PER_MINUTE
        output = self._pid.update(measured, elapsed_min)
        self._check_limits(measured, output, elapsed_min)
        return output, elapsed_min

    def _gains(self) -> PidGains:
        sign = 1.0 if self.effect == "raises" else -1.0
        return PidGains(sign * self.gain, self.integral_time_min, self.derivative_time_min)

    def _check_limits(self, measured: float, output: float, elapsed_min: float) -> None:
        """Warn once when all that the actuator can do has not been enough for long."""
        high = self.output_limits()[1]
        wants_more = (self.setpoint > measured) == (self.effect == "raises")
        is_at_limit = output >= high and wants_more
        before, self._at_limit_min = self._at_limit_min, self._at_limit_min + elapsed_min if is_at_limit else 0.0
        if before < AT_LIMIT_FOR_MIN <= self._at_limit_min:
            self.logger.warning(
                "%s is %.4g, and its set point %.4g is not reached although the output has been at its limit of %g %s "
                "for an hour. Check the sensor, the actuator and what it is supplied with.",
                self._quantity.spec.label, measured, self.setpoint, high, self.output_unit,
            )  # fmt: skip

    # ---- tuning --------------------------------------------------------------------------------------------

    def tuning_limit(self) -> str:
        """Return which limit of the actuator an experiment has reached, or nothing. Hook for subclasses."""
        return ""

    @property
    def tuning_min(self) -> float:
        """Return how long an experiment has been running [min]."""
        return (self.runtime.clock.monotonic() - self._tuning_since_s) / SECONDS_PER_MINUTE

    def set_mode(self, mode: str) -> None:
        """Begin an experiment, or control again, where there are gains."""
        if mode == "control" and self.gain == 0:
            raise SettingError("there are no gains to control with: set gain, or wait until they are measured")
        self._relay = None
        self.mode = mode

    def set_gain(self, gain: float) -> None:
        """Control with another gain, above 0: without one the last output would stay whatever happens."""
        if not gain > 0:
            raise SettingError("the gain must be above 0 while it runs")
        self.gain = float(gain)

    def _tune(self, measured: float) -> tuple[float, float]:
        """Return the output of the experiment, and the minutes since the last decision."""
        now_s = self.runtime.clock.monotonic()
        if self._relay is None:
            low, high = self.output_limits()
            half = (high - low) / 2
            amplitude = min(self.tuning_amplitude, half) if self.tuning_amplitude > 0 else half
            self._relay = RelayExperiment(
                self.setpoint, low, high, amplitude, self.tuning_hysteresis, is_raising=self.effect == "raises"
            )
            self._tuning_since_s = now_s
            self.logger.notice("Tuning: the output moves between levels until %s swings evenly.", self.measurement)
        before_s, self._decided_at_s = self._decided_at_s, now_s
        output = self._relay.update(measured, self.tuning_min)
        return output, (now_s - before_s) / SECONDS_PER_MINUTE if before_s is not None else 0.0

    def _conclude_tuning(self, relay: RelayExperiment, measured: float) -> AutomationEvent | None:
        """Take the gains of an experiment that is done, end one that has reached a limit; None while it runs."""
        if (ultimate := relay.ultimate) is not None:
            return self._take_gains(ultimate, relay, measured)
        limit = self.tuning_limit()
        if self.tuning_min > self.tuning_time_limit_min:
            limit = f"{self.tuning_time_limit_min:g} min are over"
        elif 0 < self.tuning_max_deviation < abs(measured - relay.setpoint) and relay.cycles:
            limit = f"it is {measured:.4g}, too far from {relay.setpoint:.4g}"
        if not limit:
            return None
        message = f"{self.measurement} could not be tuned: {limit}, and {relay.failure()}"
        self.logger.error("%s. Paused; to resume is to try again.", message)
        self._stop_output()
        self.pause_soon()
        return ErrorOccurred(message)

    def _take_gains(self, ultimate: Ultimate, relay: RelayExperiment, measured: float) -> AutomationEvent:
        """Store the gains and control with them from now on, beginning with the output that holds the set point."""
        gains, clock = ultimate.pi_gains(), self.runtime.clock
        tuned = TunedLoop(
            gains.gain,
            gains.integral_time,
            ultimate.gain,
            ultimate.period,
            relay.setpoint,
            self.experiment,
            clock.now(),
        )
        self.runtime.stores.persistent(TUNED_LOOPS).set(self._loop_key, msgspec.json.encode(tuned).decode())
        self.gain, self.integral_time_min, self.derivative_time_min = tuned.gain, tuned.integral_time_min, 0.0
        self.set_mode("control")
        self._pid.setpoint = self.setpoint
        self._pid.change_gains(self._gains())
        self._pid.start(measured, relay.bias)
        message = (
            f"gain {tuned.gain:.4g}, integral time {tuned.integral_time_min:.3g} min, from oscillations of "
            f"{tuned.ultimate_period_min:.3g} min after {self.tuning_min:.0f} min"
        )
        self.logger.notice("Tuned %s: %s.", self.measurement, message)
        return LoopTuned(message, msgspec.to_builtins(tuned))

    def _stop_output(self) -> None:
        self._relay = None
        if self._decided_at_s is not None:
            self._decided_at_s = None
            self.make_safe()
        self.output = None

    def on_sleeping(self) -> None:
        """Set the output to its safe value: it has no controller now."""
        self._stop_output()

    def set_measurement(self, measurement: str) -> None:
        """Refuse: limits and gains belong to one quantity."""
        raise SettingError(f"the measurement stays {self.measurement} while it runs, and cannot become {measurement}")

    # ---- readings ------------------------------------------------------------------------------------------

    def _subscribe_to_readings(self) -> None:
        super()._subscribe_to_readings()
        filters = [topics.event(self.unit, self.experiment, topic) for topic in self._quantity.spec.topics]
        self.subscribe_and_callback(self._take_measured, filters, allow_retained=False)

    def _take_measured(self, message: Message) -> None:
        try:
            value = self._quantity.value(message.topic, message.payload)
        except (ValueError, msgspec.DecodeError) as error:
            self.logger.warning("Skipped an invalid message on %s: %s.", message.topic, error)
            return
        if value is not None:
            self._measured.update(value, self.runtime.clock.now())
