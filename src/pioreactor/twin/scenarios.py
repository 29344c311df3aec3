"""Named starting points of a simulated reactor, and reading one's own from a file."""

import math
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from pioreactor.exc import ConfigurationError, NotFoundError
from pioreactor.twin.culture import STRAINS
from pioreactor.twin.drugs import DRUGS
from pioreactor.twin.faults import TARGETS, Fault, address_of

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0)]
NotNegative = Annotated[float, Meta(ge=0.0)]


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a world begins and what it is like.

    `spread` scales the differences between units (0: every unit is nominal, 1: as measured between real ones).
    None means the value that belongs to the strain or the reactor.
    """

    name: str = "custom"
    strain: str = "yeast"
    start_od: NotNegative = 0.1
    lag_h: NotNegative | None = None
    mu_max_per_h: Positive | None = None
    feed_g_l: NotNegative | None = None
    alt_feed_g_l: NotNegative | None = None
    drug: str = "none"
    alt_media_drug_ug_ml: NotNegative = 0.0
    volume_ml: Positive | None = None
    efflux_ml: Positive | None = None
    ambient_celsius: Annotated[float, Meta(ge=-10.0, le=50.0)] = 22.0
    start_celsius: Annotated[float, Meta(ge=-10.0, le=80.0)] | None = None
    media_celsius: Annotated[float, Meta(ge=0.0, le=50.0)] | None = None
    evaporation_ml_per_h: NotNegative = 0.03
    noise_cv: NotNegative = 0.0055
    wander_cv: NotNegative = 0.0
    noise_growth_per_h: NotNegative = 0.0
    shocks: Share = 0.0
    bubbles: Share = 0.002
    mains_hz: Annotated[float, Meta(ge=40.0, le=70.0)] = 50.0
    hum: Share = 0.003
    spread: Annotated[float, Meta(ge=0.0, le=3.0)] = 0.5
    faults: tuple[Fault, ...] = ()


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="standard", strain="yeast", start_od=0.3),
        Scenario(name="ideal", strain="yeast", start_od=0.3, spread=0.0, noise_cv=0.0, bubbles=0.0, hum=0.0),
        Scenario(name="water", strain="yeast", start_od=0.0),
        Scenario(name="yeast_batch", strain="yeast", start_od=0.05),
        Scenario(name="ecoli_batch", strain="ecoli", start_od=0.02, start_celsius=37.0),
        Scenario(name="ecoli_turbidostat", strain="ecoli", start_od=0.5, lag_h=0.0, start_celsius=37.0),
        Scenario(
            name="ecoli_empty_bottle",
            strain="ecoli",
            start_od=0.5,
            lag_h=0.0,
            start_celsius=37.0,
            faults=(Fault("empty_media_bottle", 120.0),),
        ),
        Scenario(name="alga_photobioreactor", strain="phototroph", start_od=0.2),
        Scenario(
            name="morbidostat_tmp",
            strain="ecoli",
            start_od=0.1,
            lag_h=0.0,
            mu_max_per_h=0.75,
            start_celsius=37.0,
            ambient_celsius=28.0,
            volume_ml=12.0,
            efflux_ml=12.0,
            drug="trimethoprim",
            alt_media_drug_ug_ml=5.0,
        ),
        Scenario(
            name="morbidostat_chl",
            strain="ecoli",
            start_od=0.1,
            lag_h=0.0,
            mu_max_per_h=0.75,
            start_celsius=37.0,
            volume_ml=12.0,
            efflux_ml=12.0,
            drug="chloramphenicol",
            alt_media_drug_ug_ml=5.0,
        ),
        Scenario(
            name="morbidostat_dox",
            strain="ecoli",
            start_od=0.1,
            lag_h=0.0,
            mu_max_per_h=0.75,
            start_celsius=37.0,
            volume_ml=12.0,
            efflux_ml=12.0,
            drug="doxycycline",
            alt_media_drug_ug_ml=5.0,
        ),
        Scenario(
            name="noisy",
            strain="yeast",
            start_od=0.3,
            noise_cv=0.007,
            wander_cv=0.009,
            shocks=0.005,
            bubbles=0.02,
            hum=0.035,
            spread=1.0,
        ),
        Scenario(name="ageing_noise", strain="yeast", start_od=0.3, noise_cv=0.0066, noise_growth_per_h=0.32),
        Scenario(
            name="bad_day",
            strain="yeast",
            start_od=0.3,
            spread=1.0,
            faults=(
                Fault("stalled_fan", 3600.0, 3900.0),
                Fault("ref_drift", 0.0, value=0.01),
                Fault("ambient_step", 7200.0, 14400.0, value=-6.0),
                Fault("pump_gain", 0.0, target="media", value=0.85),
            ),
        ),
    )
}


def find_scenario(name: str) -> Scenario:
    """Return a named scenario, or read the file when `name` ends in .yaml, .yml, .ini."""
    if name in SCENARIOS:
        return SCENARIOS[name]
    if Path(name).suffix.lower() in (".yaml", ".yml", ".ini"):
        return load_scenario(Path(name))
    raise NotFoundError(f"no scenario {name!r}: known are {', '.join(sorted(SCENARIOS))}, or name a .yaml or .ini file")


def load_scenario(path: Path) -> Scenario:
    """Read a scenario; `based_on` names one to start from. Raise `ConfigurationError` naming file and field."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"scenario {path} cannot be read: {error.strerror}") from error
    fields = _read_ini(text, path) if path.suffix.lower() == ".ini" else _read_yaml(text, path)
    base = fields.pop("based_on", None)
    if base is not None and base not in SCENARIOS:
        raise ConfigurationError(
            f"scenario {path}: `based_on` names {base!r}, known are {', '.join(sorted(SCENARIOS))}"
        )
    start = msgspec.to_builtins(SCENARIOS[base]) if base is not None else {}
    merged = {**start, "name": path.stem, **fields}
    try:
        scenario = msgspec.convert(merged, Scenario, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"scenario {path}: {error}") from error
    check(scenario, str(path))
    return scenario


def check(scenario: Scenario, source: str) -> None:
    """Raise `ConfigurationError` when a scenario names a strain, drug or part that does not exist."""
    if scenario.strain not in STRAINS:
        raise ConfigurationError(f"scenario {source}: no strain {scenario.strain!r}: known are {', '.join(STRAINS)}")
    if scenario.drug not in DRUGS:
        raise ConfigurationError(f"scenario {source}: no drug {scenario.drug!r}: known are {', '.join(DRUGS)}")
    for field in scenario.__struct_fields__:
        if isinstance(value := getattr(scenario, field), float) and not math.isfinite(value):
            raise ConfigurationError(f"scenario {source}: {field} must be a finite number, not {value}")
    for fault in scenario.faults:
        _check_fault(fault, source)


def _check_fault(fault: Fault, source: str) -> None:
    if not fault.end_s >= fault.start_s:
        raise ConfigurationError(f"scenario {source}: fault {fault.kind} ends before it starts")
    if fault.value is not None and not math.isfinite(fault.value):
        raise ConfigurationError(f"scenario {source}: fault {fault.kind} has the value {fault.value}")
    if fault.kind == "i2c_dropout":
        try:
            address_of(fault)
        except ValueError:
            raise ConfigurationError(
                f"scenario {source}: fault i2c_dropout needs an address like 0x48 as target, not {fault.target!r}"
            ) from None
    allowed = TARGETS.get(fault.kind)
    if allowed is not None and fault.target not in ("", *allowed):
        raise ConfigurationError(
            f"scenario {source}: fault {fault.kind} has the target {fault.target!r}, wanted one of {', '.join(allowed)}"
        )


def _read_yaml(text: str, path: Path) -> dict[str, Any]:
    import yaml

    try:
        fields = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"scenario {path} is not valid YAML: {error}") from error
    if not isinstance(fields, dict) or not all(isinstance(key, str) for key in fields):
        raise ConfigurationError(f"scenario {path} must be a mapping of fields to values")
    return fields


def _read_ini(text: str, path: Path) -> dict[str, Any]:
    """Read `[scenario]` and any number of `[fault.<label>]` sections."""
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text, source=str(path))
    except configparser.Error as error:
        raise ConfigurationError(f"scenario {path} is not a valid INI file: {error}") from error
    if "scenario" not in parser:
        raise ConfigurationError(f"scenario {path} has no [scenario] section")
    fields: dict[str, Any] = dict(parser["scenario"])
    faults = [dict(parser[section]) for section in parser.sections() if section.startswith("fault.")]
    strange = [name for name in parser.sections() if name != "scenario" and not name.startswith("fault.")]
    if strange:
        raise ConfigurationError(
            f"scenario {path}: unknown section [{strange[0]}], wanted [scenario] or [fault.<label>]"
        )
    if faults:
        fields["faults"] = faults
    return fields
