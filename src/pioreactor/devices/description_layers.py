"""Hardware descriptions in layers of YAML files: shipped and the laboratory's own, for the HAT and for the model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pioreactor.exc import ConfigurationError

SHIPPED: Final = Path(__file__).parent / "definitions"


@dataclass(frozen=True, slots=True)
class HardwareLayers:
    """Where the description of one unit's hardware comes from. `directory` is the laboratory's, or None."""

    directory: Path | None
    hat_version: str
    model_name: str
    model_version: str

    def load(self, mod: str) -> dict[str, Any]:
        """Return the part `mod` ("pwm", "adc", a plugin's …), merged key by key; later files win:

        shipped HAT, the laboratory's HAT, shipped model, the laboratory's model. Keys are strings at every level.
        Empty when no file describes it. Raises `ConfigurationError` naming a file that cannot be used.
        """
        merged: dict[str, Any] = {}
        for path in self.files(mod):
            merged = _deep_merged(merged, _read(path))
        return merged

    def files(self, mod: str) -> list[Path]:
        """Return the files that describe `mod`, the weakest first."""
        return [path for folder in self._folders() if (path := folder / f"{mod}.yaml").is_file()]

    def _folders(self) -> Iterator[Path]:
        roots = [SHIPPED] if self.directory is None else [SHIPPED, self.directory]
        for parts in (("hats", self.hat_version), ("models", self.model_name, self.model_version)):
            for root in roots:
                yield root.joinpath(*parts)


def _read(path: Path) -> Mapping[Any, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(path.read_text("utf-8"), Loader=loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
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
