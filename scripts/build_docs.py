"""Builds the documentation site into the package, so that a leader without internet serves it at `/docs`.

Run `python scripts/build_docs.py`; a broken link or an unknown page fails the build.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "zensical.toml"
SITE = ROOT / "src" / "pioreactor" / "web" / "docs_site"


def main() -> None:
    """Build with all warnings as errors and replace the site of the package; exit with status 1 when it fails."""
    built = ROOT / tomllib.loads(CONFIG.read_text(encoding="utf-8"))["project"]["site_dir"]
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", str(CONFIG)]
    finished = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if finished.returncode != 0 or not (built / "index.html").is_file():
        sys.stdout.write(finished.stdout + finished.stderr)
        sys.exit("The documentation site was not built.")
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(built, SITE)
    size_mb = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file()) / 1e6
    sys.stdout.write(f"The documentation is in {os.path.relpath(SITE, ROOT)} ({size_mb:.1f} MB).\n")


if __name__ == "__main__":
    main()
