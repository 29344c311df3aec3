"""Writes the generated reference pages and the shipped configuration; a test says when they are stale."""

import os
from collections.abc import Callable
from pathlib import Path

from pioreactor.cli.reference import cli_page
from pioreactor.settings.reference import config_page, default_config_ini
from pioreactor.web import asyncapi

ROOT = Path(__file__).parent.parent

ARTEFACTS: dict[str, Callable[[], str]] = {
    "docs/reference/config.md": config_page,
    "src/pioreactor/settings/default_config.ini": default_config_ini,
    "docs/reference/cli.md": cli_page,
    "docs/reference/asyncapi.json": asyncapi.render,
}


def main() -> None:
    os.environ["SKIP_PLUGINS"] = "1"  # the pages are about the product, not about this machine
    for name, render in ARTEFACTS.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
