"""One frozen struct per section of the configuration: every key with its unit, bounds, help and shipped default."""

from typing import Annotated, Final, Literal, cast

import msgspec

from pioreactor.job_catalog import JOBS, ResumePolicy
from pioreactor.settings.fields import quantity, text

Level = Literal["DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A section whose keys we know. Keys we do not know stay in the raw parser, for plugins."""


class MonitorSettings(Section, frozen=True):
    """Checks that each unit runs on itself."""

    enable_button: Annotated[
        bool | Literal["auto"], text("listen to the HAT's button; auto: not on slow computers")
    ] = "auto"
    self_check_interval_hours: Annotated[float, quantity("time between self-checks; 0: once", unit="h", ge=0)] = 12.0


class StirringSettings(Section, frozen=True):
    """Stirring."""

    initial_target_rpm: Annotated[float, quantity("speed at start", unit="RPM", ge=0, le=5000)] = 500.0
    initial_duty_cycle: Annotated[
        float, quantity("duty of the motor before the speed is measured", unit="%", ge=0, le=100)
    ] = 30.0
    pwm_hz: Annotated[float, quantity("frequency of the fan's PWM", unit="Hz", gt=0, le=50_000)] = 200.0
    use_rpm: Annotated[bool, text("measure the speed and correct it")] = True
    duration_between_updates_seconds: Annotated[float, quantity("time between corrections", unit="s", gt=0)] = 23.0
    enable_dodging_od: Annotated[bool, text("stop or slow down while optical density is measured")] = False
    pre_delay_duration: Annotated[float, quantity("slow this long before an OD reading", unit="s", ge=0)] = 1.5
    post_delay_duration: Annotated[float, quantity("stay slow this long after an OD reading", unit="s", ge=0)] = 0.25
    target_rpm_during_od_reading: Annotated[
        float, quantity("speed during OD readings, when dodging", unit="RPM", ge=0, le=5000)
    ] = 0.0
    target_rpm_outside_od_reading: (
        Annotated[
            float, quantity("speed between OD readings, when dodging; blank: the target", unit="RPM", ge=0, le=5000)
        ]
        | None
    ) = 500.0


class PidSettings(Section, frozen=True):
    """Gains of a controller."""

    Kp: Annotated[float, quantity("proportional gain")] = 0.0
    Ki: Annotated[float, quantity("integral gain")] = 0.0
    Kd: Annotated[float, quantity("derivative gain")] = 0.0


_STIRRING: Final = "stirring controls its speed by a model of the motor"


class StirringPidSettings(PidSettings, frozen=True):
    """Gains of the stirring speed controller of earlier releases."""

    Kp: Annotated[float, quantity("proportional gain", unit="%/RPM", obsolete=_STIRRING)] = 0.005
    Ki: Annotated[float, quantity("integral gain", obsolete=_STIRRING)] = 0.0
    Kd: Annotated[float, quantity("derivative gain", obsolete=_STIRRING)] = 0.0


class OdReadingSettings(Section, frozen=True):
    """Measurement of optical density."""

    samples_per_second: Annotated[float, quantity("readings per second", unit="1/s", gt=0, le=10)] = 0.2
    ir_led_intensity: (
        Annotated[float, quantity("infrared LED during a reading; auto: chosen at start", unit="%", ge=0, le=100)]
        | Literal["auto"]
    ) = 80.0
    pd_reference_ema: Annotated[float, quantity("smoothing of the reference; 0: none", ge=0, lt=1)] = 0.75
    local_ac_hz: (
        Annotated[float, quantity("mains frequency; blank: 50 and 60 are both removed", unit="Hz", gt=0, le=1000)]
        | None
    ) = None
    smoothing_penalizer: Annotated[
        float,
        quantity("weight of the previous reading", ge=0, obsolete="readings are not pulled towards the one before"),
    ] = 3.0
    turn_off_leds_during_reading: Annotated[bool, text("switch off the other LEDs during a reading")] = True
    duration_between_led_off_and_od_reading: Annotated[
        float, quantity("wait between switching LEDs and reading", unit="s", ge=0, le=5)
    ] = 0.125
    use_dark_offsets: Annotated[bool, text("subtract the photodiodes' signal in the dark")] = True
    ref_normalization: Annotated[
        Literal["unity", "classic"], text("unity: divide by the reference relative to its first value")
    ] = "unity"
    sample_relative_intensity_fraction: Annotated[
        float, quantity("part of the readings after which the IR LED's relative intensity is published", ge=0, le=1)
    ] = 0.2


_WARM: Final = "each picture starts the camera anew"


class CameraSettings(Section, frozen=True):
    """Camera that looks at the vial, and how long its stills are kept."""

    enabled: Annotated[bool, text("the unit has a camera: take stills by schedule, and test it")] = False
    capture_backend: Annotated[
        Literal["rpicam", "v4l2"], text("rpicam: the Raspberry Pi's connector; v4l2: a USB camera")
    ] = "rpicam"
    camera_index: Annotated[int, quantity("number of the camera, for rpicam", ge=0)] = 0
    device_path: Annotated[str, text("device of the camera, for v4l2")] = "/dev/video0"
    snapshot_interval_minutes: Annotated[
        float, quantity("time between stills; 0: none by schedule", unit="min", ge=0, le=10_080)
    ] = 1.0
    use_ir_led: Annotated[bool, text("light the vial with the IR LED, between OD readings")] = True
    ir_led_intensity: Annotated[float, quantity("IR LED during a picture", unit="%", ge=0, le=100)] = 25.0
    keep_camera_active: Annotated[bool, text("keep the camera warm, against fog", obsolete=_WARM)] = False
    max_stills_per_experiment: Annotated[
        int, quantity("scheduled stills of an experiment; above it they are thinned out evenly", ge=2)
    ] = 500
    max_days: Annotated[float, quantity("age at which scheduled stills are deleted; 0: never", unit="d", ge=0)] = 0.0
    max_mb: Annotated[float, quantity("disk space of all stills of the unit", unit="MB", gt=0)] = 1000.0
    keep_free_mb: Annotated[float, quantity("free disk space below which no still is taken", unit="MB", ge=0)] = 500.0


class BioreactorSettings(Section, frozen=True):
    """Contents of the vial at the start of an experiment."""

    efflux_tube_volume_ml: Annotated[
        float,
        quantity("volume at which the efflux tube ends", unit="mL", ge=0, le_by_model="reactor_capacity_ml"),
    ] = 15.0
    initial_volume_ml: Annotated[
        float, quantity("volume at start", unit="mL", ge=0, le_by_model="reactor_capacity_ml")
    ] = 15.0
    initial_alt_media_fraction: Annotated[float, quantity("part that is alternative media", ge=0, le=1)] = 0.0
    initial_cumulative_media_added_ml: Annotated[float, quantity("media added before", unit="mL", ge=0)] = 0.0
    initial_cumulative_alt_media_added_ml: Annotated[
        float, quantity("alternative media added before", unit="mL", ge=0)
    ] = 0.0
    initial_cumulative_waste_removed_ml: Annotated[float, quantity("waste removed before", unit="mL", ge=0)] = 0.0


class BottlesSettings(Section, frozen=True):
    """Bottles at each unit when a rehearsal begins; blank: not known."""

    media_ml: Annotated[float, quantity("medium in the bottle", unit="mL", gt=0, le=100_000)] | None = None
    alt_media_ml: Annotated[float, quantity("alternative medium in the bottle", unit="mL", gt=0, le=100_000)] | None = (
        None
    )
    waste_ml: Annotated[float, quantity("space in the waste bottle", unit="mL", gt=0, le=100_000)] | None = None


class RehearsalSettings(Section, frozen=True):
    """Where rehearsals run."""

    scheduler: Annotated[str, text("Dask scheduler, as tcp://big-machine:8786; blank: the leader")] = ""


class DosingAutomationSettings(Section, frozen=True):
    """Execution of doses."""

    pause_between_subdoses_seconds: Annotated[float, quantity("pause after each pump", unit="s", ge=0)] = 5.0
    waste_removal_multiplier: Annotated[
        float, quantity("extra removal after a dose, as a multiple of it", ge=0, le=100)
    ] = 2.0
    max_subdose: Annotated[float, quantity("larger doses are split", unit="mL", gt=0)] = 1.0


class PidMorbidostatSettings(PidSettings, frozen=True):
    """The morbidostat's controller: fraction of alternative media per 1/h of error."""

    Kp: Annotated[float, quantity("proportional gain", unit="h")] = 1.0
    trim: Annotated[
        float, quantity("integral gain where Ki is 0, so that growth meets its target; 0: proportional only", ge=0)
    ] = 0.5
    minimum_dosing_volume_ml: Annotated[float, quantity("smaller doses are skipped", unit="mL", ge=0)] = 0.1


class TurbidostatSettings(Section, frozen=True):
    """Signal of the turbidostat."""

    biomass_signal: Annotated[
        Literal["auto", "normalized_od", "od_fused", "od"], text("signal that is held at the target")
    ] = "auto"


_THERMOSTAT: Final = "the thermostat controls by a model of the vial's heat"


class ThermostatSettings(PidSettings, frozen=True):
    """Pace of the thermostat: `Kp` shortens or lengthens it."""

    Kp: Annotated[float, quantity("proportional gain", unit="%/°C")] = 2.6
    Ki: Annotated[float, quantity("integral gain", obsolete=_THERMOSTAT)] = 0.0
    Kd: Annotated[float, quantity("derivative gain", unit="%/°C", obsolete=_THERMOSTAT)] = 4.6


class GrowthRateSettings(Section, frozen=True):
    """Estimation of the growth rate."""

    ekf_outlier_std_threshold: Annotated[
        float,
        quantity(
            "readings further from the forecast count as outliers",
            unit="standard deviations",
            gt=2,
            obsolete="each reading is weighed by how probable it is; there is no threshold",
        ),
    ] = 5.0
    samples_for_od_statistics: Annotated[int, quantity("readings that set the normalization", ge=1)] = 10


class StorageSettings(Section, frozen=True):
    """Paths of databases."""

    database: Annotated[str | None, text("leader's database: file, postgresql://…; blank: under the data root")] = None
    temporary_cache: Annotated[str | None, text("values that end with a reboot; blank: the run directory")] = None
    persistent_cache: Annotated[str | None, text("values that stay; blank: under the data root")] = None
    number_of_backup_replicates_to_workers: Annotated[int, quantity("workers that keep a backup", ge=0)] = 2


class LoggingSettings(Section, frozen=True):
    """Destinations and levels of logs."""

    log_file: Annotated[str | None, text("log file of the unit; blank: none, absent: the machine's")] = None
    ui_log_file: Annotated[str | None, text("log file of the web server; blank: none, absent: the machine's")] = None
    console_log_level: Annotated[Level | Literal["OFF"], text("least level shown in a terminal")] = "DEBUG"
    ui_log_level: Annotated[Level, text("least level the web server logs")] = "INFO"


class ClusterSettings(Section, frozen=True):
    """Leader of the cluster."""

    leader_hostname: Annotated[str, text("name of the leader")] = ""
    leader_address: Annotated[str, text("network address of the leader, without http://")] = ""


class AlarmSettings(Section, frozen=True):
    """Alarms of the cluster, on the leader. Rules and channels are on the page Alarms."""

    link: Annotated[
        str, text("address of the panel, such as http://lab.local, which messages about alarms end with")
    ] = ""
    allow_local_webhooks: Annotated[
        bool, text("let webhooks reach this machine itself and addresses that only it can reach")
    ] = False


class UpdatesSettings(Section, frozen=True):
    """Releases of this software."""

    feed_url: Annotated[
        str, text("address of the list of releases (JSON) of the supplier; blank: archives come by upload or USB drive")
    ] = ""


class HomeAssistantSettings(Section, frozen=True):
    """Discovery of the units by Home Assistant, on the leader; `pio home-assistant enable` sets it."""

    enabled: Annotated[bool, text("tell Home Assistant, over the leader's broker, what each unit has")] = False
    token: Annotated[str, text("id of the token whose rights its commands have; blank: it only reads")] = ""


class AuditSettings(Section, frozen=True):
    """Changes for which a reason or a signature is asked; `pio audit actions` lists the names of actions."""

    reason_required: Annotated[
        str, text("actions that are refused without a reason, comma-separated; * is all; blank: none")
    ] = ""
    signature_required: Annotated[
        str, text("actions that a person signs with the password, comma-separated; * is all; blank: none")
    ] = ""


class OidcSettings(Section, frozen=True):
    """Sign-in by an OpenID Connect issuer, on the leader. The secret of the client is stored by `pio oidc secret`."""

    issuer: Annotated[str, text("address of the issuer, exactly as it calls itself; blank: no such sign-in")] = ""
    client_id: Annotated[str, text("name of this leader at the issuer")] = ""
    panel: Annotated[
        str, text("address of the panel as browsers see it, such as https://lab.example; the issuer returns to it")
    ] = ""
    label: Annotated[str, text("name of the issuer on the sign-in page")] = "your organization"
    scopes: Annotated[str, text("what the issuer is asked for, separated by spaces")] = "openid profile email"
    username_claim: Annotated[str, text("claim that is the name of a person's account here")] = "preferred_username"
    groups_claim: Annotated[str, text("claim with the groups of a person, for [oidc.groups]")] = "groups"
    default_role: Annotated[
        Literal["none", "viewer", "operator", "manager"],
        text("role of people in no group of [oidc.groups]; none: refused"),
    ] = "none"
    create_accounts: Annotated[bool, text("make an account on a person's first sign-in")] = False
    match_names: Annotated[
        bool, text("let the issuer sign in to a local account of the same name, which stays theirs from then on")
    ] = False


_WEBSOCKET: Final = "browsers reach the broker through the leader's web server, on [ui] port"


class MqttSettings(Section, frozen=True):
    """Connection of units to the MQTT broker."""

    username: Annotated[str, text("name of this cluster's units at the broker")] = "pioreactor"
    password: Annotated[str, text("password at the broker; blank: the unit's secrets", secret=True)] = ""
    broker_address: Annotated[str, text("host of the broker; the first of a list with ;, blank: the leader")] = ""
    broker_port: Annotated[int, quantity("TCP port", ge=1, le=65535)] = 1883
    broker_ws_port: Annotated[int, quantity("WebSocket port", ge=1, le=65535, obsolete=_WEBSOCKET)] = 9001
    ws_protocol: Annotated[Literal["ws", "wss"], text("WebSocket protocol", obsolete=_WEBSOCKET)] = "ws"
    use_tls: Annotated[bool, text("encrypt the connection to the broker")] = False


class UiSettings(Section, frozen=True):
    """Address of the web interface and the units' API."""

    domain_alias: Annotated[str, text("further name of the leader: its certificate and its pages accept it")] = (
        "pioreactor.local"
    )
    port: Annotated[int, quantity("port of the web server", ge=1, le=65535)] = 80
    proto: Annotated[Literal["http", "https"], text("protocol of the web server")] = "http"
    trusted_proxies: Annotated[
        str, text("addresses of proxies whose `X-Forwarded-For` is used, separated by commas")
    ] = ""


class UiBasicAuthSettings(Section, frozen=True):
    """A key sent with each request between units (a proxy in front of the API may ask for it)."""

    api_key: Annotated[
        str, text("sent as `Authorization: Basic …`", secret=True, obsolete="each unit has a token of its own")
    ] = ""


_LOOKBACK: Final = "charts show the whole experiment, thinned out; the stretch is chosen above them"


class OverviewSettings(Section, frozen=True):
    """Contents of the overview page."""

    filtered_od_lookback_hours: Annotated[
        float, quantity("history of filtered OD", unit="h", gt=0, obsolete=_LOOKBACK)
    ] = 50_000.0
    raw_od_lookback_hours: Annotated[float, quantity("history of OD", unit="h", gt=0, obsolete=_LOOKBACK)] = 50_000.0
    time_display_mode: Annotated[
        Literal["clock_time", "hours"], text("time axis of charts until a browser chooses another")
    ] = "hours"


class LocalAccessPointSettings(Section, frozen=True):
    """The Wi-Fi network that the leader opens: `pio access-point start`, or a file on the boot partition."""

    ssid: Annotated[str, text("name of the network, at most 32 bytes")] = "pioreactor"
    passphrase: Annotated[str, text("8 to 63 letters, digits and signs; blank: it is not opened", secret=True)] = ""
    proto: Annotated[Literal["rsn", "wpa"], text("security: rsn is WPA2; wpa only for old devices")] = "rsn"
    inet_address: Annotated[str, text("address of the leader in it, with the length of the prefix")] = "10.42.0.1/24"


class HardwareSettings(Section, frozen=True):
    """Hardware of the unit."""

    rig: Annotated[Literal["rpi", "sim"], text("rpi: a Raspberry Pi with a HAT; sim: a simulated reactor")] = "rpi"


_WORLD: Final = "the process that simulates the reactor has options for it: pio cluster run --scenario, --seed"


class SimulationSettings(Section, frozen=True):
    """The simulated reactor, when `[hardware] rig = sim`."""

    socket: Annotated[str, text("socket of the simulated world's process")] = ""
    scenario: Annotated[str, text("named starting point", obsolete=_WORLD)] = "standard"
    seed: Annotated[int, quantity("the same seed gives the same noise", ge=0, obsolete=_WORLD)] = 0


class JournalSettings(Section, frozen=True):
    """Journal of records that the leader has not acknowledged."""

    max_mb: Annotated[
        float, quantity("disk space; records that are not acknowledged are never deleted", unit="MB", gt=0)
    ] = 200.0
    forward_every_s: Annotated[float, quantity("polling interval for unsent records", unit="s", gt=0)] = 1.0
    backlog_kb_per_s: Annotated[
        float,
        quantity("maximum rate of sending records, below a fifth of a slow Wi-Fi", unit="kB/s", gt=0),
    ] = 450.0


class JobsSettings(Section, frozen=True):
    """How jobs are started."""

    use_fork_server: Annotated[
        bool, text("fork jobs from a process that has the software imported; they start in less than half the time")
    ] = False


class ResumeSettings(Section, frozen=True):
    """What happens to a job that ran when the power failed: resume it, start it paused (hold), or ask a person."""

    other_jobs: Annotated[ResumePolicy, text("resume, hold or ask: jobs of plugins")] = "resume"


def _resume_section() -> type[ResumeSettings]:
    """Return the section with a key for each built-in job that can be resumed."""
    held = "; held: paused until a person resumes it"
    keys = [
        (
            spec.name,
            Annotated[ResumePolicy, text(f"resume, hold or ask{held if spec.resume_policy == 'hold' else ''}")],
            spec.resume_policy,
        )
        for spec in JOBS.values()
        if not spec.is_service
    ]
    section = msgspec.defstruct(
        "ResumeSettings",
        keys,
        bases=(ResumeSettings,),
        namespace={"__doc__": ResumeSettings.__doc__},
        module=__name__,
        frozen=True,
        kw_only=True,
    )
    return cast(type[ResumeSettings], section)


RESUME_SECTION: Final = _resume_section()
