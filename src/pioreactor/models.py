"""The reactor models a laboratory may own, built in or described in its own YAML files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from pioreactor.exc import ConfigurationError, NotFoundError


class ReactorModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of reactor: its vial [mL, mm] and the temperatures [°C] at which its heater is restrained."""

    model_name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]
    model_version: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]+$(?!\n)")]
    display_name: str
    reactor_capacity_ml: Annotated[float, Meta(gt=0, le=10_000)]
    reactor_max_fill_volume_ml: Annotated[float, Meta(gt=0, le=10_000)]
    reactor_diameter_mm: Annotated[float, Meta(gt=0, le=1_000)]
    max_temp_to_reduce_heating: Annotated[float, Meta(gt=0, le=120)]
    max_temp_to_disable_heating: Annotated[float, Meta(gt=0, le=120)]
    max_temp_to_shutdown: Annotated[float, Meta(gt=0, le=120)]
    is_legacy: bool = False
    is_contrib: bool = True

    @property
    def has_four_photodiodes(self) -> bool:
        """Whether this is the four-photodiode variant, whose densities can be fused."""
        return self.model_name.endswith("_XR")


_MAX_FILL_ML: Final = {20: 18.0, 40: 33.0}
"""Volume at which dosing stops [mL], by capacity [mL]: foam and the stirrer's vortex need the rest."""


def _builtin(volume_ml: int, version: str, *, xr: bool = False, legacy: bool = False) -> ReactorModel:
    cool = volume_ml == 20 and version == "1.0"
    return ReactorModel(
        model_name=f"pioreactor_{volume_ml}ml" + ("_XR" if xr else ""),
        model_version=version,
        display_name=f"Pioreactor {volume_ml} mL" + (" XR" if xr else "") + f", v{version}",
        reactor_capacity_ml=float(volume_ml),
        reactor_max_fill_volume_ml=_MAX_FILL_ML[volume_ml],
        reactor_diameter_mm=27.0,
        max_temp_to_reduce_heating=63.0 if cool else 78.0,
        max_temp_to_disable_heating=65.0 if cool else 80.0,
        max_temp_to_shutdown=66.0 if cool else 85.0,
        is_legacy=legacy,
        is_contrib=False,
    )


BUILTIN_MODELS: Final = (
    _builtin(20, "1.0", legacy=True),
    _builtin(20, "1.1", legacy=True),
    _builtin(20, "1.5"),
    _builtin(20, "1.5", xr=True),
    _builtin(40, "1.0", legacy=True),
    _builtin(40, "1.5"),
    _builtin(40, "1.5", xr=True),
)

DEFAULT_MODEL: Final = ("pioreactor_40ml", "1.5")
"""Name and version assumed for a unit without an assigned model."""


def load_models(directory: Path | None) -> tuple[ReactorModel, ...]:
    """Return the built-in models and the laboratory's own (`*.yaml`, `*.yml`), the latter winning by name and version.

    Raises `ConfigurationError` naming the file and the field that cannot be used.
    """
    found = {(m.model_name, m.model_version): m for m in BUILTIN_MODELS}
    if directory is not None and directory.is_dir():
        for path in sorted(directory.glob("*.y*ml")):
            model = _read_model(path)
            found[model.model_name, model.model_version] = model
    return tuple(found.values())


def models_of_units(
    units: Iterable[tuple[str, str | None, str | None]], models: Iterable[ReactorModel]
) -> dict[str, ReactorModel]:
    """Return the model of each unit, given with the name and version of its model; the default where it has none."""
    known = {(model.model_name, model.model_version): model for model in models}
    return {unit: known.get((str(name), str(version)), known[DEFAULT_MODEL]) for unit, name, version in units}


def find_model(models: Iterable[ReactorModel], name: str, version: str) -> ReactorModel:
    """Return the model of this name and version; raise `NotFoundError` naming those there are."""
    models = tuple(models)
    for model in models:
        if (model.model_name, model.model_version) == (name, version):
            return model
    known = ", ".join(f"{m.model_name} {m.model_version}" for m in models)
    raise NotFoundError(
        f"no reactor model {name} {version}", remedy=f"Choose one of: {known}; or describe it in the models folder."
    )


def _read_model(path: Path) -> ReactorModel:
    import yaml

    try:
        # BaseLoader keeps every scalar as written, so that version 1.10 is not read as the number 1.1.
        described = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)
        model = msgspec.convert(described, ReactorModel, strict=False)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: {error}", remedy=f"Correct the field in {path.name}.") from error
    _check_order(path, model)
    return msgspec.structs.replace(model, is_contrib=True)


def _check_order(path: Path, model: ReactorModel) -> None:
    ascending = (
        ("reactor_max_fill_volume_ml", "reactor_capacity_ml"),
        ("max_temp_to_reduce_heating", "max_temp_to_disable_heating"),
        ("max_temp_to_disable_heating", "max_temp_to_shutdown"),
    )
    for lower, upper in ascending:
        low: float = getattr(model, lower)
        high: float = getattr(model, upper)
        if low > high:
            raise ConfigurationError(f"{path}: `{lower}` ({low:g}) is above `{upper}` ({high:g})")
