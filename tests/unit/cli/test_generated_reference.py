"""Generated pages are committed; a change of a command or a setting shows in them."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from pioreactor.automations import registry
from pioreactor.settings.load import load_settings
from pioreactor.settings.schema import SECTIONS

ROOT = Path(__file__).parents[3]


def _artefacts() -> dict[str, Callable[[], str]]:
    spec = importlib.util.spec_from_file_location("generate_reference", ROOT / "scripts" / "generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    artefacts: dict[str, Callable[[], str]] = module.ARTEFACTS
    return artefacts


@pytest.mark.parametrize(
    "name",
    [
        "docs/reference/asyncapi.json",
        "docs/reference/cli.md",
        "docs/reference/config.md",
        "docs/reference/plugin-names.md",
        "src/pioreactor/settings/default_config.ini",
    ],
)
def test_committed_artefact_is_current(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKIP_PLUGINS", "1")
    # Automations that other tests of this process define are as those of plugins: not on the pages.
    monkeypatch.setattr(registry, "_registered", {kind: {} for kind in registry.BUILT_IN})
    rendered = _artefacts()[name]()
    assert (ROOT / name).read_text(encoding="utf-8") == rendered, "stale: run `python scripts/generate_reference.py`"


def test_the_shipped_file_parses_to_the_defaults() -> None:
    shipped = load_settings(ROOT / "src/pioreactor/settings/default_config.ini")
    bare = load_settings()
    for attribute, _ in SECTIONS.values():
        assert getattr(shipped, attribute) == getattr(bare, attribute), attribute
    assert (shipped.pwm, shipped.leds, shipped.photodiodes) == (bare.pwm, bare.leds, bare.photodiodes)
    assert shipped.warnings == ()
