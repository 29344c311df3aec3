"""Names of plain types that are used across packages."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, NewType, NotRequired, TypeAlias, TypedDict

Unit = NewType("Unit", str)
Experiment = NewType("Experiment", str)

if TYPE_CHECKING:
    PdChannel: TypeAlias = Literal["1", "2", "3", "4"]
    PdAngle: TypeAlias = Literal["45", "90", "135", "180"]
    PdAngleOrREF: TypeAlias = Literal["45", "90", "135", "180", "REF"]
    LedChannel: TypeAlias = Literal["A", "B", "C", "D"]
    PwmChannel: TypeAlias = Literal["1", "2", "3", "4", "5"]
else:
    # Code of plugins also calls these types, as in `LedChannel("B")`, which returns its argument.
    PdChannel = NewType("PdChannel", Literal["1", "2", "3", "4"])
    PdAngle = NewType("PdAngle", Literal["45", "90", "135", "180"])
    PdAngleOrREF = NewType("PdAngleOrREF", Literal["45", "90", "135", "180", "REF"])
    LedChannel = NewType("LedChannel", Literal["A", "B", "C", "D"])
    PwmChannel = NewType("PwmChannel", Literal["1", "2", "3", "4", "5"])
LED_CHANNELS: Final[tuple[LedChannel, ...]] = ("A", "B", "C", "D")
PD_CHANNELS: Final[tuple[PdChannel, ...]] = ("1", "2", "3", "4")
GpioPin = int

Volt = float
LedIntensityValue = float
"""Percent of full intensity, 0–100."""

UNIVERSAL_IDENTIFIER = Unit("$broadcast")
"""Wildcard that addresses every unit of the cluster."""
UNIVERSAL_EXPERIMENT = Experiment("$experiment")
"""Pseudo experiment of jobs and messages of the cluster."""
NO_EXPERIMENT = Experiment("$no_experiment_present")

ToolClass = Literal["read", "reversible", "costly", "hazardous"]
"""What a tool of agents does: it reads; it is undone by another command; it uses up media, heat or time; it can harm a
culture, a machine or data. A person approves each act of the last two."""

PublishableSettingDataType = Literal[
    "string",
    "float",
    "integer",
    "json",
    "boolean",
    "GrowthRate",
    "ODFiltered",
    "ODFused",
    "Temperature",
    "MeasuredRPM",
    "AutomationEvent",
    "Voltage",
    "KalmanFilterOutput",
    "ODReadings",
    "ODReading",
    "RawODReading",
    "CalibratedODReading",
]


class PublishableSetting(TypedDict):
    """Declaration of a published setting by a plugin."""

    datatype: PublishableSettingDataType
    settable: bool
    unit: NotRequired[str]
    persist: NotRequired[bool]


MQTTMessagePayload = bytes | bytearray | str | int | float | None
MQTTMessage = Any
"""Argument of a subscriber's callback: an object with `topic`, `payload` (bytes), `retain` and `qos`."""

LogLevel = Literal["debug", "info", "notice", "warning", "error", "critical"]
AnyCallable = Callable[..., Any]
