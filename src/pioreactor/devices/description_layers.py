"""Hardware descriptions in layers: shipped and the laboratory's own (YAML files), for the HAT and for the model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple, cast

from pioreactor.devices.shipped_definitions import HATS, MODELS
from pioreactor.exc import ConfigurationError
from pioreactor.structs.yaml_text import InvalidYAMLError, read_yaml


class Layer(NamedTuple):
    """One description of a part: the place that error messages name, and its keys and values."""

    place: str
    values: Mapping[object, object]


@dataclass(frozen=True, slots=True)
class HardwareLayers:
    """Where the description of one unit's hardware comes from. `directory` is the laboratory's, or None."""

    directory: Path | None
    hat_version: str
    model_name: str
    model_version: str

    def load(self, mod: str) -> list[Layer]:
        """Return the descriptions of the part `mod` ("pwm", "adc", a plugin's …), the weakest first.

        That is: shipped HAT, the laboratory's HAT, shipped model, the laboratory's model. Empty when there is none.
        Raises `ConfigurationError` naming a file that cannot be used.
        """
        hat, model = ("hats", self.hat_version), ("models", self.model_name, self.model_version)
        shipped = {hat: HATS.get(hat[1], {}), model: MODELS.get(model[1:], {})}
        layers = []
        for folder, parts in shipped.items():
            if mod in parts:
                layers.append(Layer(f"shipped {'/'.join(folder)}/{mod}", cast(Mapping[object, object], parts[mod])))
            if self.directory is not None:
                files = (self.directory.joinpath(*folder, f"{mod}{suffix}") for suffix in (".yaml", ".yml"))
                layers += [Layer(str(path), _read(path)) for path in files if path.is_file()][:1]
        return layers


def merged(layers: Iterable[Layer]) -> dict[str, Any]:
    """Return the layers merged key by key, later ones win. Keys are strings at every level."""
    return reduce(lambda weak, layer: _deep_merged(weak, layer.values), layers, {})


def _read(path: Path) -> Mapping[Any, Any]:
    try:
        content = read_yaml(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, InvalidYAMLError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise ConfigurationError(f"{path}: expected keys with values, found {type(content).__name__}")
    return content


def _deep_merged(weak: Mapping[Any, Any], strong: Mapping[Any, Any]) -> dict[str, Any]:
    merged = {str(key): value for key, value in weak.items()}
    for raw_key, value in strong.items():
        key = str(raw_key)
        if isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = _deep_merged(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged
