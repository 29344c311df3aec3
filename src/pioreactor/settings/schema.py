"""All settings of a unit as one frozen value, and the table of its sections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeVar

import msgspec

from pioreactor.exc import ConfigurationError
from pioreactor.settings import sections as s
from pioreactor.settings.fields import NotAcceptedError, describe, read
from pioreactor.settings.ini import Sections
from pioreactor.settings.parser import ConfigParserMod
from pioreactor.types import LedChannel, PdAngleOrREF, PdChannel, PwmChannel

S = TypeVar("S", bound=msgspec.Struct)

Source = Literal["default", "global", "local", "derived", "override"]

SECTIONS: Final[Mapping[str, tuple[str, type[s.Section]]]] = {
    "hardware": ("hardware", s.HardwareSettings),
    "simulation": ("simulation", s.SimulationSettings),
    "monitor.config": ("monitor", s.MonitorSettings),
    "resume": ("resume", s.RESUME_SECTION),
    "jobs": ("jobs", s.JobsSettings),
    "stirring.config": ("stirring", s.StirringSettings),
    "stirring.pid": ("stirring_pid", s.StirringPidSettings),
    "od_reading.config": ("od_reading", s.OdReadingSettings),
    "camera": ("camera", s.CameraSettings),
    "bioreactor": ("bioreactor", s.BioreactorSettings),
    "bottles": ("bottles", s.BottlesSettings),
    "rehearsal": ("rehearsal", s.RehearsalSettings),
    "dosing_automation.config": ("dosing_automation", s.DosingAutomationSettings),
    "dosing_automation.pid_morbidostat": ("pid_morbidostat", s.PidMorbidostatSettings),
    "dosing_automation.turbidostat": ("turbidostat", s.TurbidostatSettings),
    "temperature_automation.thermostat": ("thermostat", s.ThermostatSettings),
    "growth_rate_calculating.config": ("growth_rate_calculating", s.GrowthRateSettings),
    "storage": ("storage", s.StorageSettings),
    "journal": ("journal", s.JournalSettings),
    "logging": ("logging", s.LoggingSettings),
    "alarms": ("alarms", s.AlarmSettings),
    "updates": ("updates", s.UpdatesSettings),
    "home_assistant": ("home_assistant", s.HomeAssistantSettings),
    "audit": ("audit", s.AuditSettings),
    "oidc": ("oidc", s.OidcSettings),
    "cluster.topology": ("cluster", s.ClusterSettings),
    "mqtt": ("mqtt", s.MqttSettings),
    "ui": ("ui", s.UiSettings),
    "ui_basic_auth": ("ui_basic_auth", s.UiBasicAuthSettings),
    "ui.overview.settings": ("overview", s.OverviewSettings),
    "local_access_point": ("local_access_point", s.LocalAccessPointSettings),
}
"""Section name → attribute of `Settings` and type."""


@dataclass(frozen=True, slots=True)
class MapSection:
    """A section whose keys are channels or free names. A file that has the section replaces the shipped one whole:
    a role that was moved to another channel must not appear on its old channel too."""

    attribute: str
    default: Mapping[str, str]
    keys: tuple[str, ...] | None
    values: tuple[str, ...] | None
    description: str


MAPS: Final[Mapping[str, MapSection]] = {
    "PWM": MapSection(
        "pwm",
        {"1": "stirring", "2": "media", "3": "alt_media", "4": "waste", "5": "heating"},
        ("1", "2", "3", "4", "5"),
        None,
        "PWM channel = what is connected to it; blank: nothing",
    ),
    "leds": MapSection(
        "leds",
        {"A": "IR", "B": "", "C": "", "D": ""},
        ("A", "B", "C", "D"),
        None,
        "LED channel = what is connected to it; IR is the one that optical density needs",
    ),
    "od_config.photodiode_channel": MapSection(
        "photodiodes",
        {"1": "REF", "2": "90", "3": "", "4": ""},
        ("1", "2", "3", "4"),
        ("45", "90", "135", "180", "REF", ""),
        "photodiode channel = angle to the LED in degrees, or REF for the reference; blank: nothing",
    ),
    "cluster.addresses": MapSection(
        "cluster_addresses", {}, None, None, "unit = IPv4 address or host name, where `<unit>.local` is not found"
    ),
    "ui.overview.charts": MapSection(
        "overview_charts",
        {"optical_density": "1", "normalized_optical_density": "1", "implied_growth_rate": "1", "temperature": "1"},
        None,
        None,
        "chart key = 1 to show it, 0 to hide it",
    ),
    "ui.overview.cards": MapSection(
        "overview_cards",
        {"dosings": "1", "event_logs": "1", "profiles": "1"},
        None,
        None,
        "card beside the charts = 1 to show it, 0 to hide it; `profiles` is there while one runs",
    ),
    "alarms.rules": MapSection(
        "alarm_rules", {}, None, None, "rule.field = value, such as `stirring_stalled.severity = critical`"
    ),
    "oidc.groups": MapSection(
        "oidc_groups",
        {},
        None,
        None,
        "group at the issuer = role, with limits: `operator | units: worker1, worker2 | experiments: exp1`",
    ),
}


class SettingFault(NamedTuple):
    """A value that was skipped. `section` is blank when a whole line or file cannot be read."""

    section: str
    key: str
    message: str
    remedy: str | None = None


@dataclass(frozen=True)
class Settings:
    """The configuration of one unit. Every attribute was checked when it was read."""

    hardware: s.HardwareSettings
    simulation: s.SimulationSettings
    monitor: s.MonitorSettings
    resume: s.ResumeSettings
    jobs: s.JobsSettings
    stirring: s.StirringSettings
    stirring_pid: s.StirringPidSettings
    od_reading: s.OdReadingSettings
    camera: s.CameraSettings
    bioreactor: s.BioreactorSettings
    bottles: s.BottlesSettings
    rehearsal: s.RehearsalSettings
    dosing_automation: s.DosingAutomationSettings
    pid_morbidostat: s.PidMorbidostatSettings
    turbidostat: s.TurbidostatSettings
    thermostat: s.ThermostatSettings
    growth_rate_calculating: s.GrowthRateSettings
    storage: s.StorageSettings
    journal: s.JournalSettings
    logging: s.LoggingSettings
    alarms: s.AlarmSettings
    updates: s.UpdatesSettings
    home_assistant: s.HomeAssistantSettings
    audit: s.AuditSettings
    oidc: s.OidcSettings
    cluster: s.ClusterSettings
    mqtt: s.MqttSettings
    ui: s.UiSettings
    ui_basic_auth: s.UiBasicAuthSettings
    overview: s.OverviewSettings
    local_access_point: s.LocalAccessPointSettings
    pwm: Mapping[PwmChannel, str]
    """PWM channel → role, without blanks."""
    leds: Mapping[LedChannel, str]
    """LED channel → role, without blanks."""
    photodiodes: Mapping[PdChannel, PdAngleOrREF]
    """Photodiode channel → angle or REF, without blanks; at most one REF."""
    cluster_addresses: Mapping[str, str]
    """Unit → address, the leader's included."""
    overview_charts: Mapping[str, str]
    overview_cards: Mapping[str, str]
    alarm_rules: Mapping[str, str]
    """<rule>.<field> → value."""
    oidc_groups: Mapping[str, str]
    """Group → role and limits."""
    raw: ConfigParserMod
    """All values as text, sections of plugins included."""
    sources: Mapping[tuple[str, str], Source] = field(default_factory=dict)
    """(section, key) → where the value comes from."""
    faults: tuple[SettingFault, ...] = ()
    """Values and lines of the files that were skipped because they do not fit."""
    warnings: tuple[str, ...] = ()
    """Warnings about keys that have no effect, or are used under another name."""

    @property
    def pwm_channel_of(self) -> dict[str, PwmChannel]:
        """Role → PWM channel."""
        return {role: channel for channel, role in self.pwm.items()}

    @property
    def led_channel_of(self) -> dict[str, LedChannel]:
        """Role → LED channel."""
        return {role: channel for channel, role in self.leds.items()}

    @property
    def broker_host(self) -> str:
        """Host of the broker: the configured address, else the leader's, else this machine."""
        leader = self.cluster.leader_hostname
        fallbacks = (self.cluster.leader_address, f"{leader}.local" if leader else "localhost")
        return next(host for host in (self.mqtt.broker_address, *fallbacks) if host)

    @property
    def notices(self) -> tuple[str, ...]:
        """Return what a person should know about the files: values that were skipped, and keys without effect."""
        skipped = (f"{fault.message}. The value is skipped." for fault in self.faults)
        return (*skipped, *self.warnings)

    def faults_of(self, *sections: str) -> list[SettingFault]:
        """Return the faults in these sections, and those of lines and files that cannot be read at all."""
        return [fault for fault in self.faults if fault.section in ("", *sections)]

    def section(self, name: str, type_: type[S]) -> S:
        """Return a section, of a plugin for example, as a checked struct of its keys.

        Raise `ConfigurationError` when a value does not fit. Keys the struct does not know are ignored.
        """
        values = dict(self.raw.items(name)) if self.raw.has_section(name) else {}
        return read_section(name, values, type_, sources=self.sources)

    def secrets(self) -> frozenset[str]:
        """Return the values that must not appear in a log."""
        found = {getattr(getattr(self, attribute), key) for _, attribute, key in secret_keys()}
        return frozenset(value for value in found if value)


def secret_keys() -> list[tuple[str, str, str]]:
    """Return (section, attribute of `Settings`, key) of all secrets."""
    return [
        (name, attribute, field_.key)
        for name, (attribute, type_) in SECTIONS.items()
        for field_ in describe(type_)
        if field_.is_secret
    ]


def read_section(
    name: str,
    values: Mapping[str, str | None],
    type_: type[S],
    *,
    sources: Mapping[tuple[str, str], Source] = MappingProxyType({}),
) -> S:
    """Return the struct of one section; raise `ConfigurationError` naming source, section, key, value and type."""
    typed: dict[str, object] = {}
    for field_ in describe(type_):
        if field_.key not in values:
            continue
        value = values[field_.key]
        try:
            typed[field_.key] = read(value, field_.type)
        except NotAcceptedError as error:
            where = sources.get((name, field_.key), "default")
            shown = "(hidden)" if field_.is_secret else repr("" if value is None else value)
            raise ConfigurationError(f"{where}: [{name}] {field_.key} = {shown}: expected {error}") from None
    return type_(**typed)


def default_sections() -> Sections:
    """Return the shipped defaults as text. Keys whose default is "none" are absent."""
    from pioreactor.settings.fields import to_text

    shipped: Sections = {}
    for name, (_, type_) in SECTIONS.items():
        if name != "ui_basic_auth":  # plugins check whether the section exists
            shipped[name] = {f.key: to_text(f.default) for f in describe(type_) if f.default is not None}
    for name, section in MAPS.items():
        shipped[name] = dict(section.default)
    return shipped
