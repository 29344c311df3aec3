"""Generated pages are committed; a change of a command or a setting shows in them."""

import subprocess
import sys
from pathlib import Path

from pioreactor.settings.load import load_settings
from pioreactor.settings.schema import SECTIONS

ROOT = Path(__file__).parents[3]


def test_committed_pages_are_current() -> None:
    # A process of its own: commands and automations remember what other tests of this one did with them.
    script = [sys.executable, str(ROOT / "scripts" / "generate_reference.py"), "--check"]
    answer = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr


def test_the_shipped_file_parses_to_the_defaults() -> None:
    shipped = load_settings(ROOT / "src/pioreactor/settings/default_config.ini")
    bare = load_settings()
    for attribute, _ in SECTIONS.values():
        assert getattr(shipped, attribute) == getattr(bare, attribute), attribute
    assert (shipped.pwm, shipped.leds, shipped.photodiodes) == (bare.pwm, bare.leds, bare.photodiodes)
    assert shipped.warnings == ()
