"""Builds the complete wheel, with the panel and the documentation, and the wheel of the Python client.

python scripts/build_wheel.py --output dist
"""

import argparse
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = (
    *("web/static/index.html", "web/static/assets/", "web/docs_site/index.html", "updates/release_signers"),
    *("py.typed", "storage/leader/migrations/versions/", "cli/help.txt"),
    *("install/systemd/", "install/polkit/", "install/constraints.txt"),
)


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout, with UI and documentation."""
    return _build(ROOT, folder, "pioreactor-*.whl")


def build_client_wheel(folder: Path) -> Path:
    """Build the wheel of the Python client in this checkout."""
    return _build(ROOT / "client", folder, "pioreactor_client-*.whl")


def _build(project: Path, folder: Path, pattern: str) -> Path:
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder.resolve()))
    subprocess.run(command, cwd=project, check=True, stdout=sys.stderr)
    return next(folder.glob(pattern))


def missing_parts(wheel: Path) -> list[str]:
    """Return what a wheel lacks of what makes it complete: the UI, the documentation, what is read at run time."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    return [part for part in PARTS if not any(name.startswith(f"pioreactor/{part}") for name in names)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder for the wheels")
    asked = parser.parse_args()
    for script in ("build_ui.py", "build_docs.py"):
        subprocess.run((sys.executable, str(ROOT / "scripts" / script)), check=True, stdout=sys.stderr)
    asked.output.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel(asked.output)
    if missing := missing_parts(wheel):
        parser.error(f"{wheel.name} is not complete, it lacks: {', '.join(missing)}")
    sys.stdout.write(f"{wheel}\n{build_client_wheel(asked.output)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
